import { setTimeout as sleep } from 'node:timers/promises';
import type { HyperpageCluster, LeaderView, SessionAnswer } from '@hyperpage/contract';
import { CONDITION_TYPES, CONDITIONS, LABELS } from '@hyperpage/contract';
import { seconds } from '../command.ts';
import type { Kubectl } from '../kubectl.ts';
import { podSidecar } from './sidecar.ts';

/** Where the tour happens, and what it says. */
export interface Tour {
  kubectl: Kubectl;
  namespace: string;
  cluster: string;
  say(line: string): void;
}

type Pod = {
  metadata: { name: string; deletionTimestamp?: string };
  status: { conditions?: Array<{ type: string; status: string }> };
};

const clusterOf = ({ kubectl, namespace, cluster }: Tour) =>
  kubectl.json<HyperpageCluster>(['-n', namespace, 'get', 'hyperpagecluster', cluster]);

/** Names of the app pods that are ready, sorted. */
export async function readyPods({ kubectl, namespace, cluster }: Tour): Promise<string[]> {
  const selector = `${LABELS.cluster}=${cluster},${LABELS.component}=app`;
  const { items } = await kubectl.json<{ items: Pod[] }>(['-n', namespace, 'get', 'pods', '-l', selector]);
  const ready = items.filter(
    ({ metadata, status }) =>
      !metadata.deletionTimestamp &&
      status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'),
  );
  return ready.map(({ metadata }) => metadata.name).sort();
}

/** Calls `look` until it gives a value. @throws Error naming what did not come within `withinMs`. */
export async function until<T>(
  what: string,
  withinMs: number,
  look: () => Promise<T | undefined>,
): Promise<T> {
  const giveUpAt = performance.now() + withinMs;
  let last: unknown;
  while (performance.now() < giveUpAt) {
    try {
      const found = await look();
      if (found !== undefined) return found;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await sleep(400);
  }
  throw new Error(
    `${what}: not within ${seconds(withinMs)}`,
    last === undefined ? undefined : { cause: last },
  );
}

/** Shows each condition as it turns, until Ready is True. */
export async function watchConditions(tour: Tour, withinMs: number): Promise<void> {
  const startedAt = performance.now();
  const shown = new Map<string, string>();
  await until(`HyperpageCluster ${tour.namespace}/${tour.cluster} Ready`, withinMs, async () => {
    const { status } = await clusterOf(tour);
    for (const type of CONDITION_TYPES) {
      const condition = status?.conditions?.find((one) => one.type === type);
      if (!condition) continue;
      const text = `${condition.status} ${condition.reason}`;
      if (shown.get(type) === text) continue;
      shown.set(type, text);
      const mark = condition.status === CONDITIONS[type].healthy[0] ? '+' : '-';
      tour.say(`${seconds(performance.now() - startedAt).padStart(7)}  ${mark} ${type.padEnd(20)} ${text}`);
    }
    const healthy = (type: string) =>
      status?.conditions?.some((one) => one.type === type && one.status === 'True') || undefined;
    return healthy('Ready') && healthy('LeaderElected');
  });
}

/** Who leads, as the status says it; undefined while nobody does (the status then keeps the last term). */
export async function leaderOf(tour: Tour) {
  const leader = (await clusterOf(tour)).status?.leader;
  return leader?.pod ? leader : undefined;
}

export async function showLeader(tour: Tour): Promise<void> {
  const leader = await leaderOf(tour);
  for (const pod of await readyPods(tour)) {
    const view = await podSidecar(tour.kubectl, tour.namespace, pod).call<LeaderView>('GET', '/v1/leader');
    const part = view.isLeader
      ? `leads, term ${view.term}, for ${view.validForMs} ms if it heard nothing more`
      : 'follows';
    tour.say(`${pod}  ${part}${view.leader === leader?.pod ? '' : ` (it says ${view.leader} leads)`}`);
  }
}

/** Sends a message in one pod and sees it arrive in all. */
export async function showMessage(tour: Tour): Promise<void> {
  const pods = await readyPods(tour);
  const type = `demo_${Date.now().toString(36)}`;
  const receivers = pods.map((pod) => ({
    pod,
    ...podSidecar(tour.kubectl, tour.namespace, pod).receive(type, 20_000),
  }));
  await Promise.all(receivers.map(({ listening }) => listening));
  const sender = pods[0] as string;
  await podSidecar(tour.kubectl, tour.namespace, sender).call('POST', '/v1/messages', {
    type,
    payload: { keys: ['user:123:settings'], from: sender },
  });
  tour.say(`${sender}  sent ${type}`);
  for (const { pod, payload } of receivers) tour.say(`${pod}  received ${JSON.stringify(await payload)}`);
}

/** Writes a session through one pod and reads it through another. Gives its id. */
export async function showSession(tour: Tour): Promise<string> {
  const pods = await readyPods(tour);
  const [first, second] = [pods[0] as string, pods.at(-1) as string];
  const writer = podSidecar(tour.kubectl, tour.namespace, first);
  const { sessionId } = await writer.call<SessionAnswer>('GET', '/api/sessions');
  const written = await writer.call<SessionAnswer>('POST', '/api/sessions', {
    sessionId,
    updates: { preferences: { theme: 'dark' } },
  });
  tour.say(
    `${first}  wrote theme ${written.session.preferences.theme}, version ${written.version}, consistency ${written.consistency}`,
  );
  await readSession(tour, second, sessionId);
  return sessionId;
}

/** Reads the session through `pod`. @throws Error when what was written is not there. */
export async function readSession(tour: Tour, pod: string, sessionId: string): Promise<void> {
  const reader = podSidecar(tour.kubectl, tour.namespace, pod);
  const read = await reader.call<SessionAnswer>('GET', `/api/sessions?sessionId=${sessionId}`);
  if (read.session.preferences.theme !== 'dark')
    throw new Error(`${pod} read theme ${read.session.preferences.theme}, not dark`);
  tour.say(
    `${pod}  read  theme ${read.session.preferences.theme}, version ${read.version}, consistency ${read.consistency}`,
  );
}

/** Deletes the leader's pod and waits for the next leader. */
export async function killLeader(tour: Tour): Promise<void> {
  const before = await until('a leader', 30_000, () => leaderOf(tour));
  const witness = (await readyPods(tour)).find((pod) => pod !== before.pod) as string;
  tour.say(`${before.pod}  deleted (it led with term ${before.term})`);
  const deletedAt = performance.now();
  await tour.kubectl(['-n', tour.namespace, 'delete', 'pod', before.pod, '--wait=false']);
  const after = await until('the next leader', 90_000, async () => {
    const view = await podSidecar(tour.kubectl, tour.namespace, witness).call<LeaderView>(
      'GET',
      '/v1/leader',
    );
    return view.leader !== null && view.leader !== before.pod && view.term > before.term ? view : undefined;
  });
  tour.say(
    `${after.leader}  leads with term ${after.term}, seen ${seconds(performance.now() - deletedAt)} after the delete`,
  );
  await until('the status naming the next leader', 30_000, async () =>
    (await leaderOf(tour))?.pod === after.leader ? true : undefined,
  );
  tour.say(`status  names ${after.leader} as well`);
}
