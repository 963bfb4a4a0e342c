import { type Clock, every, Gauge, type Logger, type Registry, type Timer } from '@hyperpage/runtime';
import type { Membership, MemberView } from './port.ts';
import { BEAT_MS, type MemberRecord, type MemberRegistry, type Roll, SILENT_MS } from './registry.ts';

export interface MembershipOptions {
  podId: string;
  bootId: string;
  clock: Clock;
  log: Logger;
  registry: Registry;
}

type Known = MemberRecord & { heardMs: number };

/** The membership port over the registry `members`. */
export function createMembership(members: MemberRegistry, options: MembershipOptions): Membership {
  const { podId, bootId, clock, log } = options;
  const self: MemberRecord = { podId, bootId, startedAt: clock.wallMs() };
  const listeners = new Set<() => void>();
  const forgottenListeners = new Set<() => void>();
  let wasAway = false;
  let known = new Map<string, Known>();
  let epoch: string | undefined;
  /** When the registry was last seen to have lost what it knew. */
  let forgotMs = Number.NEGATIVE_INFINITY;
  let timer: Timer | undefined;
  let stopPokes = () => {};
  let beating = false;
  let again = false;
  const life = { gone: false };

  const gauge = membersGauge(options.registry);

  const adopt = (roll: Roll) => {
    const before = known;
    const nowMs = clock.monotonicMs();
    if (epoch !== undefined && roll.epoch !== epoch) {
      forgotMs = nowMs;
      if (wasAway) for (const listener of forgottenListeners) listener();
    }
    wasAway = false;
    known = mergeRoll(known, roll, nowMs - forgotMs <= SILENT_MS, nowMs);
    known.set(podId, { ...self, heardMs: clock.monotonicMs() });
    epoch = roll.epoch;
    gauge.set(known.size);
    if (sameLives(before, known)) return;
    log.debug({ members: known.size }, 'members changed');
    for (const listener of listeners) listener();
  };

  /** One announcement at a time; a poke during it is followed up. */
  const beat = async () => {
    again = true;
    if (beating) return;
    beating = true;
    try {
      while (again && !life.gone) {
        again = false;
        const roll = await members.beat(self);
        if (!life.gone) adopt(roll);
      }
    } catch {
      wasAway = true;
      // Out of reach: the last list stands, and its ages grow. The connection tells the log about it.
    } finally {
      beating = false;
    }
  };

  return {
    start() {
      if (timer || life.gone) return;
      known.set(podId, { ...self, heardMs: clock.monotonicMs() });
      stopPokes = members.onPoke(() => void beat());
      gauge.set(known.size);
      timer = every(clock, BEAT_MS, beat, () => {});
      void beat();
    },
    members() {
      const nowMs = clock.monotonicMs();
      return [...known.values()]
        .map((member): MemberView => viewOf(member, nowMs, podId))
        .sort((a, b) => (a.podId < b.podId ? -1 : 1));
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onForgotten(listener) {
      forgottenListeners.add(listener);
      return () => forgottenListeners.delete(listener);
    },
    async goodbye() {
      life.gone = true;
      timer?.cancel();
      stopPokes();
      try {
        await members.leave(self);
      } catch {
        // Whoever is left strikes us off after SILENT_MS.
      }
    },
  };
}

const viewOf = ({ heardMs, ...record }: Known, nowMs: number, podId: string): MemberView => ({
  ...record,
  lastSeenMs: record.podId === podId ? 0 : Math.max(0, Math.round(nowMs - heardMs)),
  isSelf: record.podId === podId,
});

const membersGauge = (registry: Registry) =>
  new Gauge({
    name: 'hyperpage_members',
    help: 'Members that this pod knows, itself among them.',
    registers: [registry],
  });

/** Who is known after `roll`. A registry that lost its memory names only those who announced themselves since: the
 *  others stay until they were silent for SILENT_MS as well. */
export function mergeRoll(
  known: ReadonlyMap<string, Known>,
  roll: Roll,
  registryForgot: boolean,
  nowMs: number,
): Map<string, Known> {
  const merged = new Map<string, Known>();
  if (registryForgot) {
    for (const member of known.values()) merged.set(member.podId, member);
  }
  for (const { silentMs, ...record } of roll.members) {
    merged.set(record.podId, { ...record, heardMs: nowMs - silentMs });
  }
  for (const member of merged.values()) {
    if (nowMs - member.heardMs > SILENT_MS && !roll.members.some(({ podId }) => podId === member.podId)) {
      merged.delete(member.podId);
    }
  }
  return merged;
}

const sameLives = (a: ReadonlyMap<string, Known>, b: ReadonlyMap<string, Known>) =>
  a.size === b.size && [...a.values()].every(({ podId, bootId }) => b.get(podId)?.bootId === bootId);
