export type { ElectionPayload, Handler, MessagePayloads } from './messages.ts';
export {
  PodCoordinator,
  type PodCoordinatorOptions,
  podCoordinator,
  type SendOptions,
} from './pod-coordinator.ts';
