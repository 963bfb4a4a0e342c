import { flag, integer, oneOf, optional, PORTS, type Settings, text } from '@hyperpage/contract';

const dnsName = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;

/** Everything the operator can be told, in its environment. */
export const OPERATOR_SETTINGS = {
  podName: text('HYPERPAGE_OPERATOR_POD_NAME', {
    default: 'operator',
    wants: 'the name of this pod',
    pattern: dnsName,
    doc: 'Name of this pod, from the downward API.',
  }),
  namespace: text('HYPERPAGE_OPERATOR_NAMESPACE', {
    default: 'hyperpage-system',
    wants: 'a namespace',
    pattern: dnsName,
    doc: "Namespace of this pod: holds the operator's Lease, and is let in to Redis by NetworkPolicies.",
  }),
  watchNamespace: optional(
    text('HYPERPAGE_OPERATOR_WATCH_NAMESPACE', {
      wants: 'a namespace',
      pattern: dnsName,
      doc: 'Serve only this namespace. Absent: all.',
    }),
  ),
  address: text('HYPERPAGE_OPERATOR_ADDRESS', {
    default: '0.0.0.0',
    wants: 'an IP address to listen on',
    pattern: /^[0-9a-fA-F.:]+$/,
    doc: 'Address of metrics and health.',
  }),
  port: integer('HYPERPAGE_OPERATOR_PORT', {
    default: PORTS.operatorMetrics,
    min: 0,
    max: 65535,
    doc: 'Port of metrics and health.',
  }),
  logLevel: oneOf('HYPERPAGE_OPERATOR_LOG_LEVEL', ['trace', 'debug', 'info', 'warn', 'error'], {
    default: 'info',
    doc: 'Least severity that is logged.',
  }),
  workers: integer('HYPERPAGE_OPERATOR_WORKERS', {
    default: 4,
    min: 1,
    max: 64,
    doc: 'HyperpageClusters that are worked on at the same time.',
  }),
  redisIntervalMs: integer('HYPERPAGE_OPERATOR_REDIS_INTERVAL_MS', {
    default: 2000,
    min: 500,
    max: 60_000,
    unit: 'milliseconds',
    doc: "Time between two looks at a cluster's Redis.",
  }),
  electionEnabled: flag('HYPERPAGE_OPERATOR_ELECTION_ENABLED', {
    default: true,
    doc: 'Take part in the election among operators; false only where there is one for certain.',
  }),
  leaseTimeoutMs: integer('HYPERPAGE_OPERATOR_LEASE_TIMEOUT_MS', {
    default: 15_000,
    min: 3_000,
    max: 300_000,
    unit: 'milliseconds',
    doc: "Length of the operator's Lease.",
  }),
};

export type OperatorSettings = Settings<typeof OPERATOR_SETTINGS>;

/** What `--help` prints. */
export function helpText(): string {
  const lines = Object.values(OPERATOR_SETTINGS).map(({ env, doc, wants, ...rest }) => {
    const value = 'default' in rest && rest.default !== undefined ? ` Default: ${String(rest.default)}.` : '';
    return `  ${env}\n      ${doc} It wants ${wants}.${value}\n`;
  });
  return [
    'The Hyperpage operator: makes of each HyperpageCluster all that its app needs.\n\n',
    'Usage: operator [--help]\n\n',
    'It finds the API server by KUBECONFIG, in its pod, or in ~/.kube/config. Settings (environment):\n\n',
    ...lines,
  ].join('');
}
