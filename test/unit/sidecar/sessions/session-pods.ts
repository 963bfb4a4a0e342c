import { type Clock, createRegistry, silentLogger, sleep } from '@hyperpage/runtime';
import { MemoryWorld } from '../../../../sidecar/src/memory-world.ts';
import {
  decodeRequest,
  decodeWord,
  encodeRequest,
  encodeWord,
} from '../../../../sidecar/src/peers/messages.ts';
import { answerPeer } from '../../../../sidecar/src/peers/server.ts';
import { createSessionPeers } from '../../../../sidecar/src/peers/session-peers.ts';
import {
  createMemoryTarget,
  type FallbackTarget,
  fallbackMetrics,
  followRedisClock,
  type PeerService,
  type RedisClock,
  type SessionTarget,
  withFallback,
} from '../../../../sidecar/src/sessions/index.ts';
import type { Applied, Found } from '../../../../sidecar/src/sessions/target.ts';
import type { VirtualClock } from '../../../support/virtual-clock.ts';

const TTL_MS = 48 * 3_600_000;
const PEER_TIMEOUT_MS = 500;

export interface Pod {
  readonly name: string;
  readonly target: FallbackTarget;
  /** As its sessions see it. */
  readonly clock: RedisClock;
  alive: boolean;
  /** Whether it reaches Redis, when that is there. */
  reaches: boolean;
  /** Whether other pods reach it. */
  heard: boolean;
  /** By how much its wall clock is ahead of Redis's, in milliseconds. */
  aheadMs: number;
}

/** Pods of one cluster over one Redis, in memory: the peers' real choice and messages, and a network that can be cut. */
export class SessionPods {
  readonly world = new MemoryWorld();
  readonly pods: Pod[] = [];
  readonly #clock: VirtualClock;
  readonly #random: () => number;
  /** Who was ever started: an address stays known for a while after its pod has gone. */
  readonly #known: Pod[] = [];
  readonly #listeners = new Map<Pod, Set<() => void>>();
  #started = 0;

  constructor(clock: VirtualClock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  start(): Pod {
    const name = `10.0.0.${++this.#started}:7071`;
    const memory = createMemoryTarget(this.world, { clock: this.#clock, ttlMs: TTL_MS });
    const pod = { name, alive: true, reaches: true, heard: true, aheadMs: 0 } as {
      -readonly [K in keyof Pod]: Pod[K];
    };
    const clock = followRedisClock(this.ownClock(pod));
    pod.clock = clock;
    const away = { kind: 'unavailable', reason: 'out of reach' } as const;
    const within = async <T>(ask: () => Promise<T>): Promise<T | typeof away> => {
      await this.#delay();
      if (!pod.alive) return new Promise(() => {});
      if (!pod.reaches) return away;
      const answer = await ask();
      // The answer may be lost when the way is cut in between.
      await this.#delay();
      return pod.reaches ? answer : away;
    };
    const timed = async <T extends Applied | Found>(answer: Promise<T>): Promise<T> => {
      const askedMs = clock.monotonicMs();
      const outcome = await answer;
      if (outcome.kind === 'ok') clock.observe(outcome.snapshot.activeMs, askedMs);
      return outcome;
    };
    const remote: SessionTarget = {
      ...memory,
      apply: (operation) => timed(within(() => memory.apply(operation))),
      merge: (sessionId, held) => within(() => memory.merge(sessionId, held)),
      read: (sessionId) => timed(within(() => memory.read(sessionId))),
      ready: () => (pod.reaches ? memory.ready() : { ready: false, consistency: 'local', reason: 'cut off' }),
    };
    pod.target = withFallback(remote, {
      clock,
      random: this.#random,
      log: silentLogger,
      ttlMs: TTL_MS,
      metrics: fallbackMetrics(createRegistry({ processMetrics: false })),
      onReachable: (listener) => {
        this.#listeners.set(pod, (this.#listeners.get(pod) ?? new Set()).add(listener));
        return () => this.#listeners.get(pod)?.delete(listener);
      },
      peers: createSessionPeers({
        clock,
        others: () => this.#known.filter((other) => other !== pod).map((other) => other.name),
        ask: async (address, request) => decodeWord(await this.#carry(pod, address, encodeRequest(request))),
      }),
    });
    this.pods.push(pod);
    this.#known.push(pod);
    return pod;
  }

  /** The pod's own clock. */
  ownClock = (pod: Pick<Pod, 'aheadMs'>): Clock => ({
    monotonicMs: () => this.#clock.monotonicMs(),
    wallMs: () => this.#clock.wallMs() + pod.aheadMs,
    after: (ms, fn) => this.#clock.after(ms, fn),
  });

  /** Puts Redis where it is said to be, for one pod or for all, and tells those that find it again. */
  reach(to: boolean, pod?: Pod): void {
    const before = this.pods.filter((one) => one.reaches && this.world.reachable);
    if (pod) pod.reaches = to;
    else {
      this.world.reachable = to;
      if (to) for (const one of this.pods) one.reaches = true;
    }
    for (const one of this.pods) {
      if (!one.reaches || !this.world.reachable || before.includes(one)) continue;
      for (const listener of this.#listeners.get(one) ?? []) listener();
    }
  }

  /** As SIGKILL: nothing more comes of it. */
  kill(pod: Pod): void {
    pod.alive = false;
    this.pods.splice(this.pods.indexOf(pod), 1);
  }

  async #carry(from: Pod, address: string, text: string): Promise<string> {
    const to = this.#known.find(({ name }) => name === address);
    await this.#delay();
    const isCut = () => !to?.alive || !to.heard || !from.heard;
    if (!to || isCut()) {
      await sleep(this.#clock, PEER_TIMEOUT_MS);
      throw new Error('no answer');
    }
    const word = await serve(to.target.service, text);
    await this.#delay();
    if (isCut()) throw new Error('no answer');
    return word;
  }

  #delay = () => sleep(this.#clock, Math.ceil(this.#random() * 8));
}

async function serve(service: PeerService, text: string): Promise<string> {
  const word = await answerPeer(service, decodeRequest(text));
  if (!word) throw new Error('no room');
  return encodeWord(word);
}
