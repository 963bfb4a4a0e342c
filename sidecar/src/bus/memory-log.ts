import type { MemoryWorld } from '../memory-world.ts';
import {
  comparePositions,
  LOG_START,
  type LogBounds,
  type LogEntry,
  type LogListener,
  type LogPage,
  type MessageLog,
  TermOvertakenError,
} from './log.ts';

export interface MemoryLogState {
  entries: LogEntry[];
  last: string;
  trimmed: string;
  listeners: Set<LogListener>;
}

/** Logs in the memory of this process. Pushes come in a later turn of the event loop, as from a network. */
export function createMemoryLog(world: MemoryWorld, boundsOf: (channel: string) => LogBounds): MessageLog {
  const following: Array<() => void> = [];
  const stateOf = (channel: string): MemoryLogState => {
    const known = world.logs.get(channel);
    if (known) return known;
    const state = { entries: [], last: LOG_START, trimmed: LOG_START, listeners: new Set<LogListener>() };
    world.logs.set(channel, state);
    return state;
  };
  const demandReachable = () => {
    if (!world.reachable) throw new Error('the memory world is switched off');
  };

  return {
    async append(channel, envelope, term) {
      demandReachable();
      if (term !== undefined && term < world.termFloor) throw new TermOvertakenError(world.termFloor);
      world.termFloor = Math.max(world.termFloor, term ?? 0);
      const state = stateOf(channel);
      const push = { id: world.nextPosition(), previous: state.last, envelope };
      state.entries.push({ id: push.id, envelope });
      state.last = push.id;
      trim(state, boundsOf(channel));
      for (const listener of state.listeners) {
        setImmediate(() => {
          if (world.reachable && state.listeners.has(listener)) listener.onPush(push);
        });
      }
      return push.id;
    },
    async read(channel, cursor, limit): Promise<LogPage> {
      demandReachable();
      const { entries, last, trimmed } = stateOf(channel);
      const known = cursor === last || cursor === trimmed || entries.some(({ id }) => id === cursor);
      const lineage = known ? 'intact' : comparePositions(cursor, trimmed) < 0 ? 'trimmed' : 'reset';
      const from = lineage === 'intact' ? entries.findIndex(({ id }) => comparePositions(id, cursor) > 0) : 0;
      const rest = from < 0 ? [] : entries.slice(from);
      return { lineage, entries: rest.slice(0, limit), last, more: rest.length > limit };
    },
    async last(channel) {
      demandReachable();
      return stateOf(channel).last;
    },
    follow(channel, listener) {
      const state = stateOf(channel);
      const connect = () => listener.onConnect();
      state.listeners.add(listener);
      world.onReachable.add(connect);
      following.push(() => {
        state.listeners.delete(listener);
        world.onReachable.delete(connect);
      });
      if (world.reachable) connect();
    },
    async close() {
      for (const stop of following.splice(0)) stop();
    },
  };
}

function trim(state: MemoryLogState, bounds: LogBounds): void {
  let bytes = state.entries.reduce((sum, entry) => sum + entry.envelope.length, 0);
  while (state.entries.length > bounds.messages || (bytes > bounds.bytes && state.entries.length > 1)) {
    const oldest = state.entries.shift();
    if (!oldest) return;
    state.trimmed = oldest.id;
    bytes -= oldest.envelope.length;
  }
}
