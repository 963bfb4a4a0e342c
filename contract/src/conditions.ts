/** Status of a condition (Kubernetes API conventions, "Typical status properties"). */
export type ConditionStatus = 'True' | 'False' | 'Unknown';

type Declaration = {
  readonly healthy: readonly [ConditionStatus, string];
  readonly otherReasons: readonly string[];
};

/** Every condition type with its healthy status and reason, and every other reason it can have.
 *  `NotObserved` is the reason of any condition that is Unknown because nobody has looked yet. */
export const CONDITIONS = {
  Ready: {
    healthy: ['True', 'AllComponentsReady'],
    otherReasons: ['AppUnavailable', 'NoRedisPrimary', 'SentinelQuorumLost', 'NotObserved'],
  },
  Progressing: {
    healthy: ['False', 'ReconcileComplete'],
    otherReasons: [
      'Creating',
      'RollingApp',
      'RollingRedis',
      'SwitchingOver',
      'ResizingStorage',
      'RotatingCredentials',
      'ScalingRedis',
    ],
  },
  Degraded: {
    healthy: ['False', 'FullyRedundant'],
    otherReasons: [
      'ReplicaDown',
      'ReplicationLagging',
      'SentinelDown',
      'PodUnschedulable',
      'RolloutStuck',
      'NotObserved',
    ],
  },
  Stalled: {
    healthy: ['False', 'NotStalled'],
    otherReasons: ['InvalidSpec', 'SecretMissing', 'ForeignObject', 'DataConflict', 'Forbidden'],
  },
  AppAvailable: {
    healthy: ['True', 'MinimumReplicasAvailable'],
    otherReasons: [
      'Creating',
      'ImagePullFailed',
      'CrashLooping',
      'SidecarNotReady',
      'NotEnoughReplicas',
      'NotObserved',
    ],
  },
  RedisAvailable: {
    healthy: ['True', 'PrimaryWritable'],
    otherReasons: ['NoPrimary', 'MultiplePrimaries', 'WritesRefused', 'Unreachable', 'NotObserved'],
  },
  SentinelQuorum: {
    healthy: ['True', 'Agreed'],
    otherReasons: ['TooFewSentinels', 'Disagreement', 'FailoverInProgress', 'Disabled', 'NotObserved'],
  },
  LeaderElected: {
    healthy: ['True', 'LeaseHeld'],
    otherReasons: ['LeaseExpired', 'NoCandidate', 'Disabled', 'NotObserved'],
  },
  AutoscalingActive: {
    healthy: ['True', 'ValidMetricFound'],
    /** Otherwise the HPA's own reason (ScalingActive) is passed on as it is. */
    otherReasons: ['Disabled', 'NotObserved'],
  },
  Paused: { healthy: ['False', 'NotPaused'], otherReasons: ['PausedByUser'] },
  ConfigurationWarning: {
    healthy: ['False', 'NoWarnings'],
    otherReasons: ['CertificateExpiring', 'EphemeralSessions', 'EvenSentinelCount', 'GraceTooShort'],
  },
} as const satisfies Record<string, Declaration>;

export type ConditionType = keyof typeof CONDITIONS;
export const CONDITION_TYPES = Object.keys(CONDITIONS) as ConditionType[];

export type ReasonOf<T extends ConditionType> =
  | (typeof CONDITIONS)[T]['healthy'][1]
  | (typeof CONDITIONS)[T]['otherReasons'][number];
