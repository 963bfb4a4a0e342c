import { randomBytes } from 'node:crypto';
import type { HyperpageCluster } from '@hyperpage/contract';
import {
  agentPods,
  Breaker,
  Fleet,
  lengthMs,
  type RoundResult,
  runRound,
  type Step,
  untilRedundant,
  type World,
} from '../../../dev/chaos/index.ts';
import { ensureBinaries } from '../../../dev/cluster/binaries.ts';
import { terminalProgress } from '../../../dev/cluster/progress.ts';
import { openCluster } from '../../../dev/cluster/provider.ts';
import { type Installed, install, OPERATOR_DEPLOYMENT, OPERATOR_NAMESPACE } from '../../../dev/install.ts';
import { manifestOf } from './manifest.ts';
import { ASPECTS, Oracle } from './oracle.ts';

const WHOLE_WITHIN_MS = 240_000;
const NODES = 3;
export const progress = terminalProgress();

/** The real cluster that the tests run on: the default one, or the one that HYPERPAGE_TEST_CLUSTER names. */
export interface Ground extends Installed {
  /** The program kubectl, and the arguments that have it act on this cluster. */
  program: readonly string[];
  /** Leaves the cluster as it was found: removes the namespaces, or all of it when it was not up. */
  leave(): Promise<void>;
}

/** Brings the cluster up with nothing in these namespaces. */
export async function enter(namespaces: readonly string[]): Promise<Ground> {
  const name = process.env['HYPERPAGE_TEST_CLUSTER'];
  const named = name ? { name } : {};
  const before = await openCluster({ progress, ...named });
  const wasUp = await before.status().then(
    () => true,
    () => false,
  );
  const installed = await install({ nodes: NODES, progress, ...named });
  const { kubectl, cluster } = installed;
  const remove = ['delete', 'namespace', ...namespaces, '--ignore-not-found'];
  await kubectl([...remove, '--timeout=150s'], { timeoutMs: 160_000 });
  const { kubectl: program } = await ensureBinaries(['kubectl'], progress);
  return {
    ...installed,
    program: [program, '--kubeconfig', cluster.kubeconfig],
    leave: async () => {
      if (wasUp) await kubectl([...remove, '--wait=false']);
      else await cluster.down();
    },
  };
}

/** A HyperpageCluster that is written to and watched, by its pods' writers and by the oracle. */
export interface Subject {
  name: string;
  world: World;
  fleet: Fleet;
  breaker: Breaker;
  oracle: Oracle;
  close(): Promise<void>;
}

/** Makes a HyperpageCluster in a namespace of its own name. */
export async function createSubject(
  { kubectl, cluster, program }: Ground,
  options: Parameters<typeof manifestOf>[0],
): Promise<Subject> {
  const { name, appPods } = options;
  await kubectl(['apply', '-f', '-'], { input: manifestOf(options) });
  const site = { kubectl, namespace: name, cluster: name };
  const fleet = new Fleet({
    kubectl,
    namespace: name,
    pods: () => agentPods(site),
    run: randomBytes(4).toString('hex'),
    paceMs: 20,
  });
  fleet.start();
  const resource = await kubectl.json<HyperpageCluster>(['-n', name, 'get', 'hyperpagecluster', name]);
  const oracle = new Oracle({ kubectl: program, namespace: name, cluster: resource, appPods });
  const breaker = new Breaker({ site, containers: cluster.faults, provider: cluster.faults });
  const { signal } = new AbortController();
  return {
    name,
    fleet,
    breaker,
    oracle,
    world: { site, fleet, breaker, progress, signal, limitMs: WHOLE_WITHIN_MS },
    close: async () => {
      oracle.close();
      await breaker.mend();
      await fleet.stop({ clear: false });
    },
  };
}

/** Waits until all of it is there and writes are acknowledged. */
export const untilWhole = ({ world }: Subject, sinceMs = Date.now()) =>
  untilRedundant(world, sinceMs, WHOLE_WITHIN_MS);

/** Takes the steps, waits until the cluster is whole again, reads every acknowledged write back, and prints what it
 *  took. @throws Error when it does not become whole. */
export async function strike(subject: Subject, what: string, steps: readonly Step[]): Promise<RoundResult> {
  const round = { number: 0, kind: 'kill-primary' as const, pauseMs: 0, pick: 0.5, steps };
  const result = await runRound(round, subject.world);
  report(subject, what, result);
  if (result.problem !== undefined) throw new Error(`${what}: ${result.problem}`);
  return result;
}

/** A status that is late by so much is told with all that happened. */
const TELL_FROM_MS = 4_000;

const inSeconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

function report({ fleet, oracle }: Subject, what: string, result: RoundResult): void {
  const { begunMs, endedMs, silentMs, redundantMs = 0, lost } = result;
  const lags = oracle.lags(begunMs, endedMs);
  const late = ASPECTS.map((aspect) => `${aspect} ${inSeconds(lags[aspect]?.ms ?? 0)}`).join(', ');
  progress.say(
    `  ${what}: no acknowledged write for ${inSeconds(silentMs)}, whole after ${inSeconds(redundantMs)}, ${lost.length} lost of ${fleet.history.acknowledged}, two writable ${inSeconds(twoWritableMs(fleet, begunMs))}; status late by: ${late}`,
  );
  for (const aspect of ASPECTS) {
    if ((lags[aspect]?.ms ?? 0) < TELL_FROM_MS) continue;
    for (const [who, seen] of [
      ['was', oracle.truth],
      ['told', oracle.told],
    ] as const) {
      const course = seen[aspect].stretches(begunMs, endedMs);
      const words = course.map(({ fromMs, value }) => `${inSeconds(fromMs - begunMs)} ${value}`);
      progress.say(`      ${aspect} ${who}: ${words.join(', ')}`);
    }
  }
}

/** The longest time since `sinceMs` in which two Redis would have taken a write. */
export const twoWritableMs = (fleet: Fleet, sinceMs: number): number =>
  Math.max(
    0,
    ...fleet
      .twoWritable()
      .filter(({ toMs }) => toMs >= sinceMs)
      .map(lengthMs),
  );

/** A line of the operator's log; `key` is `namespace/name` of the HyperpageCluster that it is about. */
export interface Logged {
  msg?: string;
  key?: string;
}

/** What the operator has logged since then, a parsed line each. */
export async function operatorLog({ kubectl }: Ground, sinceMs: number): Promise<Logged[]> {
  const since = `--since-time=${new Date(sinceMs).toISOString()}`;
  const text = await kubectl(['-n', OPERATOR_NAMESPACE, 'logs', `deploy/${OPERATOR_DEPLOYMENT}`, since]);
  return text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Logged);
}
