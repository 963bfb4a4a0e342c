import { nextStep, type RedisPod, type Step, type UpkeepView } from '../../../operator/src/redis/index.ts';
import { isSameSetting } from '../../../operator/src/redis/settings.ts';
import { nodeOf, sentinelOf, timed } from './fixtures.ts';

interface Pod {
  ordinal: number;
  life: number;
  revision: number;
  ready: boolean;
  broken: boolean;
  priority: number;
  settings: Record<string, string>;
  quorum: number;
}

const name = (ordinal: number) => `demo-redis-${ordinal}`;

/** A topology with Sentinels, to which the steps are done as Kubernetes, Redis and Sentinel would do them: what a pod
 *  that was replaced needs comes true one `tick` later. */
export class RedisWorldModel {
  pods: Pod[] = [];
  primary = 0;
  revision = 1;
  wanted: number;
  running: number;
  settings: Record<string, string> = { maxmemory: '0' };
  first: string | undefined;
  strangersMs = 0;
  /** Addresses that the Sentinels remember although no pod has them. */
  gone: string[] = [];
  /** Most pods away at the same time, and whether the primary was ever restarted or removed. */
  mostAway = 0;
  primaryHurt = false;
  readonly steps: Step[] = [];
  #lives = 0;

  constructor(pods: number) {
    this.wanted = pods;
    this.running = pods;
    this.pods = Array.from({ length: pods }, (_, ordinal) => this.#pod(ordinal));
    for (const pod of this.pods) pod.ready = true;
  }

  #pod(ordinal: number): Pod {
    const settings = { ...this.settings };
    const life = this.#lives++;
    const { revision } = this;
    return { ordinal, life, revision, ready: false, broken: false, priority: 100, settings, quorum: 2 };
  }

  /** Addresses are never used twice. */
  #address = ({ life }: Pod) => `10.0.1.${life}:6379`;

  view(): UpkeepView {
    const { pods } = this;
    const address = (ordinal: number) => this.#address(pods.find((pod) => pod.ordinal === ordinal) as Pod);
    const others = (pod: Pod) => pods.filter((each) => each !== pod && each.ready).length;
    const primary = pods.find(({ ordinal }) => ordinal === this.primary);
    const live = pods.filter(({ ready }) => ready);
    const redis = timed({
      expected: this.running,
      missingAreEmpty: false,
      nodes: live
        .map((pod) =>
          nodeOf(name(pod.ordinal), {
            ...(pod === primary
              ? { role: 'primary', connectedReplicas: live.length - 1 }
              : { role: 'replica', follows: primary ? address(this.primary) : 'nobody', linkUp: true }),
            priority: pod.priority,
            settings: pod.settings,
          }),
        )
        .map((node) => ({ ...node, address: address(Number(node.pod.at(-1))) })),
      sentinels: live.map((pod) =>
        sentinelOf(name(pod.ordinal), {
          primary: primary ? address(this.primary) : '',
          quorum: pod.quorum,
          knows: others(pod) + this.gone.length,
          replicas: [
            ...live
              .filter((each) => each !== primary)
              .map((each) => ({ address: this.#address(each), down: false, priority: each.priority })),
            ...this.gone.map((each) => ({ address: each, down: true, priority: 100 })),
          ],
        }),
      ),
    });
    return {
      mode: 'Sentinel',
      wanted: this.wanted,
      running: this.running,
      settings: this.settings,
      isSame: (_name, wanted, read) => isSameSetting(wanted, read),
      pods: pods.map(
        (pod): RedisPod => ({
          pod: name(pod.ordinal),
          uid: String(pod.life),
          ordinal: pod.ordinal,
          ready: pod.ready,
          going: false,
          outdated: pod.revision !== this.revision,
          broken: pod.broken,
        }),
      ),
      redis: { ...redis, strangersMs: this.strangersMs },
      first: this.first,
    };
  }

  /** Time passes: pods that can become ready do. */
  tick(): void {
    while (this.pods.length < this.running) this.pods.push(this.#pod(this.pods.length));
    const away = this.pods.filter(({ ready }) => !ready).length;
    this.mostAway = Math.max(this.mostAway, away);
    for (const pod of this.pods) pod.ready = !pod.broken;
  }

  /** Does the next step, and gives it. */
  step(): Step {
    const step = nextStep(this.view());
    this.steps.push(step);
    const pod =
      'pod' in step ? (this.pods.find(({ ordinal }) => name(ordinal) === step.pod) as Pod) : undefined;
    if (step.kind === 'restart' && pod) this.#replace(pod);
    if (step.kind === 'prefer' && pod) pod.priority = step.priority;
    if (step.kind === 'tune' && pod) Object.assign(pod.settings, step.settings);
    if (step.kind === 'setQuorum' && pod) pod.quorum = step.quorum;
    if (step.kind === 'forget') this.gone = [];
    if (step.kind === 'switchOver') {
      const next = this.pods.find(({ ordinal, priority }) => ordinal !== this.primary && priority > 0);
      if (next) this.primary = next.ordinal;
    }
    if (step.kind === 'shrink') this.#shrink(step.to);
    return step;
  }

  /** Steps until nothing is left to do; time passes after each. @throws Error when it does not end. */
  settle(): string[] {
    const from = this.steps.length;
    for (let turns = 0; turns < 200; turns++) {
      const step = this.step();
      this.tick();
      if (step.kind === 'rest') return this.told(from);
    }
    throw new Error(`it does not settle: ${JSON.stringify(this.steps.slice(-5))}`);
  }

  told = (from = 0): string[] =>
    this.steps
      .slice(from)
      .filter(({ kind }) => kind !== 'wait' && kind !== 'rest')
      .map((step) => `${step.kind} ${'pod' in step ? step.pod : 'from' in step ? step.from : ''}`.trim());

  #replace(pod: Pod): void {
    if (pod.ordinal === this.primary) this.primaryHurt = true;
    this.gone.push(this.#address(pod));
    this.pods[this.pods.indexOf(pod)] = this.#pod(pod.ordinal);
  }

  #shrink(to: number): void {
    const removed = this.pods.filter(({ ordinal }) => ordinal >= to);
    if (removed.some(({ ordinal }) => ordinal === this.primary)) this.primaryHurt = true;
    this.gone.push(...removed.map(this.#address));
    this.pods = this.pods.filter(({ ordinal }) => ordinal < to);
    this.running = to;
    this.strangersMs = 60_000;
  }
}
