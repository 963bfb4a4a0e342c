/** The settings in `wanted` that Redis has otherwise. What Redis does not know at all is left out: it has no such
 *  directive, and would refuse it. */
export function changedSettings(
  wanted: Readonly<Record<string, string>>,
  read: Readonly<Record<string, string>>,
  isSame: (name: string, wanted: string, read: string) => boolean,
): Record<string, string> {
  const changed: Record<string, string> = {};
  for (const [name, value] of Object.entries(wanted)) {
    const is = read[name];
    if (is !== undefined && !isSame(name, value, is)) changed[name] = value;
  }
  return changed;
}

/** True when Redis calls `wanted` by the value `read`: `256mb` is 268435456 to it. */
export const isSameSetting = (wanted: string, read: string): boolean =>
  wanted.toLowerCase() === read.toLowerCase() ||
  (bytes(wanted) !== undefined && bytes(wanted) === bytes(read));

/** Units as in redis.conf: kb is 1024, k is 1000. */
const UNITS: Record<string, number> = {
  '': 1,
  b: 1,
  k: 1000,
  kb: 1024,
  m: 1000 ** 2,
  mb: 1024 ** 2,
  g: 1000 ** 3,
  gb: 1024 ** 3,
};

const bytes = (text: string): number | undefined => {
  const [, number, unit = ''] = /^(\d+)([a-z]*)$/.exec(text.toLowerCase()) ?? [];
  const factor = UNITS[unit];
  return number === undefined || factor === undefined ? undefined : Number(number) * factor;
};

/** What is known of how one cluster's Redis takes settings. */
export interface SettingNames {
  /** True when Redis calls `wanted` by the value `read`, or will not take it. */
  isSame(name: string, wanted: string, read: string): boolean;
  /** Redis took `wanted` and calls it `read`. */
  took(name: string, wanted: string, read: string): void;
  /** Redis does not take it: there is no use in asking again. */
  refused(name: string, wanted: string, why: string): void;
  /** Why Redis does not take one of `wanted`; undefined when it takes them all. */
  refusalOf(wanted: Readonly<Record<string, string>>): string | undefined;
}

/** Remembers, for each cluster by its UID, what Redis calls a setting once it has taken it (some it puts in words of its
 *  own) and which it refuses. Only in memory: losing it costs one CONFIG SET that changes nothing. */
export interface SettingMemory {
  of(uid: string): SettingNames;
  forget(uid: string): void;
}

export function createSettingMemory(): SettingMemory {
  const clusters = new Map<string, SettingNames>();
  return {
    of: (uid) => {
      const names = clusters.get(uid) ?? settingNames();
      clusters.set(uid, names);
      return names;
    },
    forget: (uid) => void clusters.delete(uid),
  };
}

function settingNames(): SettingNames {
  const called = new Map<string, string>();
  const refusals = new Map<string, string>();
  const key = (name: string, wanted: string) => `${name} ${wanted}`;
  return {
    isSame: (name, wanted, read) =>
      isSameSetting(wanted, read) ||
      called.get(key(name, wanted)) === read ||
      refusals.has(key(name, wanted)),
    took: (name, wanted, read) => void called.set(key(name, wanted), read),
    refused: (name, wanted, why) => void refusals.set(key(name, wanted), why),
    refusalOf: (wanted) =>
      Object.entries(wanted)
        .map(([name, value]) => refusals.get(key(name, value)))
        .find((why) => why !== undefined),
  };
}
