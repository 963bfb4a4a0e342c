import type { CoordinationMessage, GapNotice } from '@hyperpage/contract';
import { type Clock, sleep } from '@hyperpage/runtime';
import type { Decoded } from './envelope.ts';
import { comparePositions, isPosition, LOG_START, type MessageLog } from './log.ts';
import type { BusEvent, BusListener } from './port.ts';

/** Positions in this pod's channels, in the bus's order of channels. */
type Positions = string[];

type LiveEvent = {
  channel: number;
  position: string;
  event: { kind: 'message'; message: CoordinationMessage } | { kind: 'gap'; reason: GapNotice['reason'] };
};

const PAGE = 256;
const RETRY_MS = 500;
const MOST_WAITING = 2048;

export const cursorOf = (positions: Positions) => positions.join('_');

/** The positions of a cursor, or undefined when the text is none. */
export function positionsOf(cursor: string, channels: number): Positions | undefined {
  const positions = cursor.split('_');
  return positions.length === channels && positions.every(isPosition) ? positions : undefined;
}

/** One subscriber: what it missed first, read from the logs, then what comes. Live events wait while it replays;
 *  should too many wait, they are forgotten and read from the logs as well. */
export class BusSubscription {
  #closed = false;
  #replaying = false;
  #waiting: LiveEvent[] = [];
  #overflowed = false;
  #replayedTo: Array<string | undefined> = [];
  readonly #abort = new AbortController();
  readonly #positions: Positions;
  readonly #listener: BusListener;
  readonly #onListenerError: (error: unknown) => void;

  constructor(positions: Positions, listener: BusListener, onListenerError: (error: unknown) => void) {
    this.#positions = positions;
    this.#listener = listener;
    this.#onListenerError = onListenerError;
  }

  cursor(): string {
    return cursorOf(this.#positions);
  }

  close(): void {
    this.#closed = true;
    this.#waiting = [];
    this.#abort.abort();
  }

  live(event: LiveEvent): void {
    if (this.#closed) return;
    if (!this.#replaying) return this.#emitLive(event);
    if (this.#waiting.length < MOST_WAITING) this.#waiting.push(event);
    else this.#overflowed = true;
  }

  /** A following that began after the subscription did: "from now on" is from there. */
  startAt(channel: number, position: string): void {
    if (this.#positions[channel] === LOG_START) this.#positions[channel] = position;
  }

  /** Replays everything after the positions it stands at; until Redis answers it tries again. */
  async replay(
    log: MessageLog,
    channels: readonly string[],
    decodeOf: (channel: number) => (envelope: string) => Decoded | { failure: unknown },
    clock: Clock,
  ): Promise<void> {
    this.#replaying = true;
    while (!this.#closed) {
      try {
        for (const [index, channel] of channels.entries()) {
          await this.#replayChannel(log, index, channel, decodeOf(index));
        }
      } catch {
        await sleep(clock, RETRY_MS, this.#abort.signal).catch(() => {});
        continue;
      }
      if (!this.#overflowed) break;
      this.#overflowed = false;
      this.#waiting = [];
    }
    this.#replaying = false;
    this.#replayedTo = [...this.#positions];
    for (const event of this.#waiting.splice(0)) this.#emitLive(event);
  }

  /** Passes over what was replayed already: the log may have been read further than the pushes have come. */
  #emitLive(event: LiveEvent): void {
    const replayedTo = this.#replayedTo[event.channel];
    if (event.event.kind === 'gap') this.#replayedTo[event.channel] = undefined;
    else if (replayedTo !== undefined && comparePositions(event.position, replayedTo) <= 0) return;
    this.#emit(event);
  }

  async #replayChannel(
    log: MessageLog,
    channel: number,
    name: string,
    decode: (envelope: string) => Decoded | { failure: unknown },
  ): Promise<void> {
    for (let more = true; more && !this.#closed; ) {
      const position = this.#positions[channel] ?? LOG_START;
      const page = await log.read(name, position, PAGE);
      if (page.lineage !== 'intact') {
        const stand = page.entries.length > 0 ? position : page.last;
        this.#emit({ channel, position: stand, event: { kind: 'gap', reason: page.lineage } });
      }
      for (const entry of page.entries) {
        const decoded = decode(entry.envelope);
        if ('message' in decoded) {
          const event = { kind: 'message', message: decoded.message } as const;
          this.#emit({ channel, position: entry.id, event });
        } else this.#positions[channel] = entry.id;
      }
      more = page.more;
    }
  }

  #emit({ channel, position, event }: LiveEvent): void {
    if (this.#closed) return;
    this.#positions[channel] = position;
    const whole: BusEvent = { ...event, cursor: this.cursor() };
    try {
      this.#listener(whole);
    } catch (error) {
      this.#onListenerError(error);
    }
  }
}
