import type { CoordinationMessage, LeaderElection } from '../wire.ts';

/** Payload of the sidecar's own `election` messages. */
export interface ElectionPayload extends LeaderElection {
  /** The pod that leads now; empty when `leaderId` has stepped down and nobody has followed yet. */
  newLeader: string;
}

/** Payloads of the spec's message types. They are what the sender chose: check before you rely on one. */
export interface MessagePayloads {
  cache_invalidate: { keys?: string[]; [field: string]: unknown };
  job_coordination: { operation?: string; [field: string]: unknown };
  rate_limit_sync: { [field: string]: unknown };
  broadcast: { [field: string]: unknown };
  election: ElectionPayload;
}

export type Handler<P = unknown> = (message: CoordinationMessage<P>) => void | Promise<void>;

/** Handlers by type. A handler that throws or rejects is reported and disturbs no other. */
export class Handlers {
  readonly #byType = new Map<string, Set<Handler>>();
  readonly #onError: (error: unknown) => void;

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /** Gives a way to take it away again. The same function added twice is called twice. */
  add(type: string, handler: Handler): () => void {
    const own: Handler = (message) => handler(message);
    const handlers = this.#byType.get(type) ?? new Set();
    this.#byType.set(type, handlers.add(own));
    return () => handlers.delete(own);
  }

  dispatch(message: CoordinationMessage): void {
    for (const type of [message.type, '*'])
      for (const handler of this.#byType.get(type) ?? []) void this.#call(handler, message);
  }

  async #call(handler: Handler, message: CoordinationMessage): Promise<void> {
    try {
      await handler(message);
    } catch (error) {
      this.#onError(error);
    }
  }
}
