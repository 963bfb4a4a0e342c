import { Connection, type ConnectionOptions } from '../connection.ts';
import { HyperpageError, NotLeaderError } from '../errors.ts';
import type { ServerSentEvent } from '../sse.ts';
import { openSubscription, type Subscription } from '../subscription.ts';
import type {
  CoordinationMessage,
  GapNotice,
  LeaderElection,
  LeaderView,
  Member,
  Priority,
} from '../wire.ts';
import { Leadership, type Reign } from './leadership.ts';
import { type Handler, Handlers, type MessagePayloads } from './messages.ts';

export interface PodCoordinatorOptions extends ConnectionOptions {
  /** Told of what fails in the background: a broken stream (it reconnects by itself), a handler that throws. By
   *  default a process warning. */
  onError?: (error: unknown) => void;
}

export interface SendOptions {
  /** `normal` by default. */
  priority?: Priority;
}

/** Messages between pods, and who leads them (spec, section 2). Nothing connects before the first use; from then on
 *  open streams keep the process alive until `close()`. */
export class PodCoordinator {
  readonly #sidecar: Connection;
  readonly #leadership: Leadership;
  readonly #handlers: Handlers;
  readonly #gapHandlers = new Set<(gap: GapNotice) => void>();
  readonly #onError: (error: unknown) => void;
  readonly #subscriptions = new Set<Subscription>();
  readonly #closing = new AbortController();
  #listening = false;
  #closed = false;

  constructor(options: PodCoordinatorOptions = {}) {
    this.#sidecar = new Connection(options);
    this.#onError = options.onError ?? warn;
    this.#handlers = new Handlers(this.#onError);
    this.#leadership = new Leadership(this.#sidecar, this.#onError);
  }

  /** Sends to every pod. Resolves with the message's id once the sidecar has taken it. @throws HyperpageError */
  broadcast(type: string, payload: unknown, options: SendOptions = {}): Promise<{ id: string }> {
    return this.#send({ type, payload, ...options });
  }

  /** Sends to one pod, by its name. @throws HyperpageError `member-not-found` … */
  sendToPod(
    podId: string,
    type: string,
    payload: unknown,
    options: SendOptions = {},
  ): Promise<{ id: string }> {
    return this.#send({ type, payload, to: podId, ...options });
  }

  /** Sends to every pod as the leader. It is refused when a later leader has told its term, and the payload gains a field
   *  `term`: receivers keep the highest they have seen and ignore lower ones, so that a leader that was replaced while it slept
   *  changes nothing.
   *  @throws NotLeaderError when this pod does not lead at this moment; HyperpageError `term-overtaken` */
  async coordinate(
    type: string,
    payload: Record<string, unknown>,
    options: SendOptions = {},
  ): Promise<{ id: string }> {
    if ('term' in payload)
      throw new HyperpageError(
        'invalid-argument',
        'coordinate() sets the field "term" of the payload itself; name yours differently',
      );
    this.start();
    const view = await this.#leadership.ask();
    if (!this.#leadership.isLeader()) throw new NotLeaderError(view.leader);
    return this.#send({ type, payload: { ...payload, term: view.term }, term: view.term, ...options });
  }

  /** Calls `handler` for every message of a type that reaches this pod, its own broadcasts included; `'*'` is every
   *  type. Delivery is at least once: a message's `id` tells a second copy. Gives a way to end that. */
  onMessage<T extends keyof MessagePayloads>(type: T, handler: Handler<MessagePayloads[T]>): () => void;
  onMessage<P = unknown>(type: string, handler: Handler<P>): () => void;
  onMessage(type: string, handler: Handler<never>): () => void {
    this.#assertOpen();
    if (!this.#listening) this.#subscribe('/v1/messages', (event) => this.#onMessageEvent(event));
    this.#listening = true;
    return this.#handlers.add(type, handler as Handler);
  }

  /** Calls `handler` when messages were lost to this pod: read anew what you keep from them. */
  onGap(handler: (gap: GapNotice) => void): () => void {
    this.#gapHandlers.add(handler);
    return () => this.#gapHandlers.delete(handler);
  }

  /** The leader now, or null while there is none. @throws HyperpageError */
  async getLeader(): Promise<LeaderElection | null> {
    this.start();
    const { leader, term } = await this.#leadership.ask();
    return leader === null ? null : { leaderId: leader, term, lastHeartbeat: Date.now(), status: 'active' };
  }

  /** Whether this pod may act as leader at this moment: true only within the validity that the sidecar promised, so
   *  it turns false by itself when nothing more is heard. False also before the first word from the sidecar. */
  getIsLeader(): boolean {
    this.start();
    return this.#leadership.isLeader();
  }

  /** Calls `handler` when the leader, the term or this pod's part in it changes. Gives a way to end that. */
  onLeaderChange(handler: (view: LeaderView) => void): () => void {
    this.start();
    return this.#leadership.onChange((view) => this.#guard(() => handler(view)));
  }

  /** Runs `duty` whenever this pod leads, once a term, until `signal` aborts or the coordinator is closed. `duty` gets the term
   *  and a signal that aborts a moment before this pod may not act any more: hand it to what you wait for, and stop. Nothing
   *  new begins before `duty` has ended.
   *  @throws what `duty` throws of its own accord, and not because it was told to stop */
  async runWhileLeader(
    duty: (reign: Reign) => Promise<void> | void,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<void> {
    this.start();
    const stop = AbortSignal.any([this.#closing.signal, ...(signal ? [signal] : [])]);
    for (;;) {
      const reign = await this.#leadership.reign(stop);
      if (!reign) return;
      const until = AbortSignal.any([reign.signal, stop]);
      try {
        await duty({ term: reign.term, signal: until });
      } catch (error) {
        if (!until.aborted || (error as Error | undefined)?.name !== 'AbortError') throw error;
      }
      // It is done for this term.
      await aborted(until);
    }
  }

  /** The pods that are alive. @throws HyperpageError */
  async members(): Promise<Member[]> {
    this.#assertOpen();
    return (await this.#sidecar.json<{ members: Member[] }>('GET', '/v1/members')).members;
  }

  /** Calls `handler` with all members, now and whenever they change. Gives a way to end that. */
  onMembers(handler: (members: Member[]) => void): () => void {
    this.#assertOpen();
    const subscription = this.#subscribe('/v1/members', (event) => {
      if (event.event === 'members') handler((JSON.parse(event.data) as { members: Member[] }).members);
    });
    return () => {
      subscription.close();
      this.#subscriptions.delete(subscription);
    };
  }

  /** Begins to follow who leads, so that getIsLeader() knows it when first asked. Every method that needs it calls
   *  this by itself. */
  start(): void {
    this.#assertOpen();
    this.#leadership.start();
  }

  /** Ends every stream. The instance cannot be used afterwards. */
  close(): void {
    this.#closed = true;
    this.#closing.abort(new DOMException('the coordinator was closed', 'AbortError'));
    this.#leadership.stop();
    for (const subscription of this.#subscriptions) subscription.close();
    this.#subscriptions.clear();
  }

  #send(body: object): Promise<{ id: string }> {
    this.#assertOpen();
    return this.#sidecar.json('POST', '/v1/messages', { body });
  }

  #subscribe(path: string, onEvent: (event: ServerSentEvent) => void): Subscription {
    const subscription = openSubscription({
      open: (headers, signal) => this.#sidecar.stream(path, headers, signal),
      onEvent,
      onError: this.#onError,
    });
    this.#subscriptions.add(subscription);
    return subscription;
  }

  #onMessageEvent(event: ServerSentEvent): void {
    if (event.event === 'message') this.#handlers.dispatch(JSON.parse(event.data) as CoordinationMessage);
    if (event.event !== 'gap') return;
    const gap = JSON.parse(event.data) as GapNotice;
    for (const handler of this.#gapHandlers) this.#guard(() => handler(gap));
  }

  #guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#onError(error);
    }
  }

  #assertOpen(): void {
    if (this.#closed)
      throw new HyperpageError('closed', 'this PodCoordinator was closed; make a new one to go on');
  }
}

/** The coordinator of this process; it finds its sidecar by HYPERPAGE_URL when first used. */
export const podCoordinator = new PodCoordinator();

function warn(error: unknown): void {
  const { process } = globalThis as { process?: { emitWarning?: (warning: Error) => void } };
  process?.emitWarning?.(error instanceof Error ? error : new Error(String(error)));
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
