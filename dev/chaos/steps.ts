import type { ControlPlanePart, Direction } from '../cluster/faults.ts';

/** Whom a step acts on. Which pod or node that is, is found out once, when the round begins: a later step means the
 *  same ones, whatever role they have by then. */
export type Whom =
  /** The Redis that is primary. */
  | 'primary'
  /** One of its replicas, drawn. */
  | 'replica'
  /** One Redis pod of any role, drawn: for its Sentinel. */
  | 'any-redis'
  | 'all-redis'
  /** One app pod, drawn. */
  | 'app'
  | 'operator';

export type Action =
  | { act: 'kill' | 'hang' | 'resume'; container: 'redis' | 'sentinel'; whom: Whom }
  | { act: 'delete-pods'; whom: Whom }
  | { act: 'stop-node' | 'start-node' | 'heal-node'; whom: Whom }
  | { act: 'cut-node'; whom: Whom; direction: Direction }
  | { act: 'stop-part' | 'start-part'; part: ControlPlanePart }
  /** Changes what Redis pods are made of, so that the operator restarts them one by one. */
  | { act: 'roll' };

/** An action and when it is done, counted from the begin of the round's fault. */
export type Step = Action & { atMs: number };

/** What a step does, for people: `hang redis of the primary`. */
export function describeAction(action: Action): string {
  switch (action.act) {
    case 'kill':
    case 'hang':
    case 'resume':
      return `${action.act} ${action.container} of ${WHOM[action.whom]}`;
    case 'delete-pods':
      return `delete ${PODS[action.whom]}`;
    case 'cut-node':
      return `cut the node of ${WHOM[action.whom]} (${action.direction})`;
    case 'stop-node':
    case 'start-node':
    case 'heal-node':
      return `${action.act.slice(0, action.act.indexOf('-'))} the node of ${WHOM[action.whom]}`;
    case 'stop-part':
    case 'start-part':
      return `${action.act.slice(0, action.act.indexOf('-'))} ${action.part}`;
    case 'roll':
      return 'change the resources of Redis';
  }
}

const WHOM: Record<Whom, string> = {
  primary: 'the primary',
  replica: 'a replica',
  'any-redis': 'a Redis pod',
  'all-redis': 'every Redis pod',
  app: 'an app pod',
  operator: 'the operator',
};

const PODS: Record<Whom, string> = {
  primary: "the primary's pod",
  replica: "a replica's pod",
  'any-redis': 'a Redis pod',
  'all-redis': 'every Redis pod at once',
  app: 'an app pod',
  operator: "the operator's pod",
};
