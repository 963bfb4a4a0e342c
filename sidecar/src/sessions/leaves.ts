import { newSessionData, type SessionData, type SessionUpdates } from '@hyperpage/contract';
import { jsonOf } from './stamps.ts';

/** A session is stored as its leaves, each under its JSON pointer (RFC 6901) and as JSON text: two pods that change
 *  different leaves both win, and the store never has to understand a value. */
export type Leaves = ReadonlyMap<string, string>;

/** Moments that the store itself keeps, milliseconds since the epoch. */
export interface SessionMoments {
  createdMs: number;
  updatedMs: number;
  activeMs: number;
}

const escape = (name: string) => name.replaceAll('~', '~0').replaceAll('/', '~1');
const unescape = (token: string) => token.replaceAll('~1', '/').replaceAll('~0', '~');

const text = (value: unknown) => typeof value === 'string';
const texts = (value: unknown) => Array.isArray(value) && value.every(text);
const record = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** What a stored leaf must be to count as one of a session. */
const SECTION_LEAVES: Record<string, Record<string, (value: unknown) => boolean>> = {
  preferences: {
    theme: (value) => value === 'light' || value === 'dark' || value === 'system',
    timezone: text,
    language: text,
    refreshInterval: Number.isInteger,
  },
  uiState: { expandedWidgets: texts, lastVisitedTools: texts, dashboardLayout: text, filterSettings: record },
  metadata: { ipAddress: text, userAgent: text },
};
const TOOL_LEAVES: Record<string, (value: unknown) => boolean> = {
  enabled: (value) => typeof value === 'boolean',
  settings: record,
  lastUsed: text,
};
const hasOwn = (object: object, key: string) => Object.hasOwn(object, key);

/** The leaves that `updates` sets. */
export function leavesOfUpdates(updates: SessionUpdates): Map<string, string> {
  const leaves = new Map<string, string>();
  const set = (pointer: string, value: unknown) => {
    if (value !== undefined) leaves.set(pointer, JSON.stringify(value));
  };
  set('/userId', updates.userId);
  for (const section of ['preferences', 'uiState'] as const) {
    for (const [name, value] of Object.entries(updates[section] ?? {})) {
      if (hasOwn(SECTION_LEAVES[section] ?? {}, name)) set(`/${section}/${name}`, value);
    }
  }
  for (const [tool, config] of Object.entries(updates.toolConfigs ?? {})) {
    for (const [name, value] of Object.entries(config)) {
      if (hasOwn(TOOL_LEAVES, name)) set(`/toolConfigs/${escape(tool)}/${name}`, value);
    }
  }
  return leaves;
}

/** All leaves of a new session. */
export function leavesOfSession(session: SessionData): Map<string, string> {
  const { userId, preferences, uiState, toolConfigs, metadata } = session;
  const leaves = leavesOfUpdates({
    preferences,
    uiState,
    toolConfigs,
    ...(userId === undefined ? {} : { userId }),
  });
  leaves.set('/metadata/ipAddress', JSON.stringify(metadata.ipAddress));
  leaves.set('/metadata/userAgent', JSON.stringify(metadata.userAgent));
  return leaves;
}

/** The session that `leaves` describe. A known leaf that is absent has its default; an unknown one (a newer version's)
 *  is passed over. Gives `{ damaged }` naming the first leaf that is no such value. */
export function sessionOfLeaves(
  leaves: Leaves,
  moments: SessionMoments,
): { session: SessionData } | { damaged: string } {
  const session = newSessionData(new Date(moments.createdMs), { ipAddress: '', userAgent: '' });
  session.metadata.updated = new Date(moments.updatedMs).toISOString();
  session.lastActivity = new Date(moments.activeMs).toISOString();
  const sections = session as unknown as Record<string, Record<string, unknown>>;
  // A Map, since a tool may be called `__proto__`.
  const tools = new Map<string, Record<string, unknown>>();
  for (const [pointer, json] of leaves) {
    const [, section = '', name = '', field] = pointer.split('/');
    const check = checkOf(section, name, field);
    if (!check) continue;
    const value = parse(jsonOf(json));
    if (value === undefined || !check(value)) return { damaged: pointer };
    if (section === 'userId') session.userId = value as string;
    else if (section === 'toolConfigs') {
      const tool = unescape(name);
      tools.set(tool, { ...tools.get(tool), [field ?? '']: value });
    } else (sections[section] as Record<string, unknown>)[name] = value;
  }
  session.toolConfigs = Object.fromEntries(tools);
  return { session };
}

function checkOf(section: string, name: string, field: string | undefined) {
  if (section === 'userId') return name === '' ? text : undefined;
  if (section === 'toolConfigs')
    return field !== undefined && hasOwn(TOOL_LEAVES, field) ? TOOL_LEAVES[field] : undefined;
  const leaves = hasOwn(SECTION_LEAVES, section) ? SECTION_LEAVES[section] : undefined;
  return leaves && field === undefined && hasOwn(leaves, name) ? leaves[name] : undefined;
}

/** The value, or undefined when the text is not JSON (JSON itself has no undefined). */
function parse(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return undefined;
  }
}
