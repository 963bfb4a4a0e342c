import type { CoordinationMessage, Member } from '@hyperpage/client';
import { useEffect, useReducer } from 'react';

export type Message = CoordinationMessage;

export interface PodState {
  pod: string;
  leader: string | null;
  term: number;
  isLeader: boolean;
  members: Member[];
}

export type Entry =
  | { kind: 'message'; key: string; message: Message }
  /** Something this window noticed by itself. */
  | { kind: 'note'; key: string; text: string; at: number };

export interface Live {
  connected: boolean;
  /** Null until the first word from a pod. */
  state: PodState | null;
  /** Newest first. */
  log: Entry[];
}

export type LiveEvent =
  | { kind: 'state'; state: PodState; at: number }
  | { kind: 'message'; message: Message }
  | { kind: 'gap'; at: number }
  | { kind: 'disconnected' };

const MAX_LOG = 60;

export const NOTHING_YET: Live = { connected: false, state: null, log: [] };

/** What the window shows after `event`. */
export function step(live: Live, event: LiveEvent): Live {
  if (event.kind === 'disconnected') return { ...live, connected: false };
  if (event.kind === 'message') return { ...live, log: addMessage(live.log, event.message) };
  if (event.kind === 'gap')
    return { ...live, log: note(live.log, 'Some messages did not reach this pod.', event.at) };
  return { ...live, connected: true, state: event.state, log: noteMove(live, event.state, event.at) };
}

// Behind a Service a new connection may reach another pod.
function noteMove({ state: before, log }: Live, now: PodState, at: number): Entry[] {
  if (before === null || before.pod === now.pod) return log;
  return note(log, `This window moved from ${before.pod} to ${now.pod}.`, at);
}

const note = (log: Entry[], text: string, at: number): Entry[] =>
  [{ kind: 'note', key: `note-${at}-${log.length}`, text, at } as const, ...log].slice(0, MAX_LOG);

// A new connection brings the recent ones again.
function addMessage(log: Entry[], message: Message): Entry[] {
  if (log.some((entry) => entry.kind === 'message' && entry.message.id === message.id)) return log;
  return [{ kind: 'message', key: message.id, message } as const, ...log].slice(0, MAX_LOG);
}

const RECONNECT_MS = 1000;

/** Follows one pod, and the next one when that goes away. */
export function useLive(): Live {
  const [live, tell] = useReducer(step, NOTHING_YET);
  useEffect(() => {
    let source: EventSource;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const connect = () => {
      source = new EventSource('/api/demo/events');
      source.addEventListener('state', ({ data }: MessageEvent<string>) =>
        tell({ kind: 'state', state: JSON.parse(data) as PodState, at: Date.now() }),
      );
      source.addEventListener('message', ({ data }: MessageEvent<string>) =>
        tell({ kind: 'message', message: JSON.parse(data) as Message }),
      );
      source.addEventListener('gap', () => tell({ kind: 'gap', at: Date.now() }));
      source.addEventListener('error', () => {
        tell({ kind: 'disconnected' });
        // EventSource gives up on an answer such as 503; a pod that is starting answers so.
        source.close();
        timer = setTimeout(connect, RECONNECT_MS);
      });
    };
    connect();
    return () => {
      source.close();
      clearTimeout(timer);
    };
  }, []);
  return live;
}
