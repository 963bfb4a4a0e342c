import { type ClusterStatus, CONDITIONS, type Condition, type ConditionType } from '@hyperpage/contract';
import type { ClusterEvent } from './kube/index.ts';

/** The Events that a change of status is worth: one for each condition whose status or reason changed, but for those
 *  of a first visit that are as they should be, and one for a new leader. */
export function transitions(before: ClusterStatus | undefined, after: ClusterStatus): ClusterEvent[] {
  const events: ClusterEvent[] = [];
  for (const condition of after.conditions ?? []) {
    const old = before?.conditions?.find(({ type }) => type === condition.type);
    if (old?.status === condition.status && old.reason === condition.reason) continue;
    if (!old && (isHealthy(condition) || condition.status === 'Unknown' || condition.reason === 'Disabled'))
      continue;
    events.push({
      type: isHealthy(condition) || HARMLESS.has(condition.reason) ? 'Normal' : 'Warning',
      reason: `${condition.type}${condition.status}`,
      action: 'Reconcile',
      note: `${condition.reason}: ${condition.message}`,
    });
  }
  const leader = after.leader;
  if (leader?.pod && leader.pod !== before?.leader?.pod) {
    const note = `${leader.pod} leads in term ${leader.term}.`;
    events.push({ type: 'Normal', reason: 'LeaderChanged', action: 'Elect', note });
  }
  return events;
}

const isHealthy = ({ type, status }: Condition): boolean =>
  CONDITIONS[type as ConditionType]?.healthy[0] === status;

/** Reasons of conditions that are not as they should be and still what the user asked for. */
const HARMLESS = new Set([
  'Creating',
  'RollingApp',
  'RollingRedis',
  'SwitchingOver',
  'ResizingStorage',
  'RotatingCredentials',
  'PausedByUser',
  'Disabled',
  'NotObserved',
]);
