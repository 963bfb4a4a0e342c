import type { HyperpageCluster } from '@hyperpage/contract';
import { Counter, Gauge, Histogram, type Registry } from '@hyperpage/runtime';
import type { ReflectorObserver } from './kube/index.ts';
import type { QueueObserver, WorkQueue } from './queue/index.ts';

export interface OperatorMetrics {
  queue: QueueObserver;
  reflector: ReflectorObserver;
  writes(count: number): void;
  /** A step about Redis was taken: every write to it is part of one. */
  step(kind: string): void;
  status(cluster: HyperpageCluster, status: HyperpageCluster['status']): void;
  forget(cluster: HyperpageCluster): void;
  leading(leads: boolean): void;
}

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const STATUSES = ['True', 'False', 'Unknown'] as const;

/** The operator's metrics in `registry`. `queue` gives the work queue while there is one. */
export function createOperatorMetrics(
  registry: Registry,
  queue: () => WorkQueue | undefined,
): OperatorMetrics {
  const registers = [registry];
  new Gauge({
    name: 'hyperpage_operator_queue_depth',
    help: 'HyperpageClusters that wait for a worker.',
    registers,
    collect() {
      this.set(queue()?.depth ?? 0);
    },
  });
  const leader = new Gauge({
    name: 'hyperpage_operator_leader',
    help: '1 while this operator leads.',
    registers,
  });
  leader.set(0);
  const condition = new Gauge({
    name: 'hyperpage_operator_condition',
    help: 'Conditions of HyperpageClusters: 1 for the status that a condition has.',
    labelNames: ['namespace', 'name', 'type', 'status'] as const,
    registers,
  });
  const writes = new Counter({
    name: 'hyperpage_operator_writes_total',
    help: 'Writes of owned objects.',
    registers,
  });
  const steps = new Counter({
    name: 'hyperpage_operator_redis_steps_total',
    help: 'Steps taken about Redis, by kind: none while its topology is whole.',
    labelNames: ['step'] as const,
    registers,
  });
  return {
    queue: queueObserver(registers),
    reflector: reflectorObserver(registers),
    writes: (count) => writes.inc(count),
    step: (step) => steps.inc({ step }),
    leading: (leads) => leader.set(leads ? 1 : 0),
    status: ({ metadata: { namespace, name } }, status) => {
      for (const { type, status: current } of status?.conditions ?? []) {
        for (const each of STATUSES) {
          condition.set({ namespace, name, type, status: each }, each === current ? 1 : 0);
        }
      }
    },
    forget: ({ metadata: { namespace, name }, status }) => {
      for (const { type } of status?.conditions ?? []) {
        for (const each of STATUSES) condition.remove({ namespace, name, type, status: each });
      }
    },
  };
}

function queueObserver(registers: Registry[]): QueueObserver {
  const seconds = new Histogram({
    name: 'hyperpage_operator_reconcile_seconds',
    help: 'Time of one visit to a HyperpageCluster.',
    labelNames: ['result'] as const,
    buckets: SECONDS,
    registers,
  });
  const waited = new Histogram({
    name: 'hyperpage_operator_queue_wait_seconds',
    help: 'Time that a HyperpageCluster waited for a worker.',
    buckets: SECONDS,
    registers,
  });
  const errors = new Counter({
    name: 'hyperpage_operator_reconcile_errors_total',
    help: 'Visits that failed and are tried again.',
    registers,
  });
  return {
    started: (waitedMs) => waited.observe(waitedMs / 1000),
    finished: (durationMs, result) => {
      seconds.observe({ result }, durationMs / 1000);
      if (result === 'failed') errors.inc();
    },
  };
}

function reflectorObserver(registers: Registry[]): ReflectorObserver {
  const lists = new Counter({
    name: 'hyperpage_operator_lists_total',
    help: 'Full lists of a kind.',
    labelNames: ['kind', 'reason'] as const,
    registers,
  });
  const watches = new Counter({
    name: 'hyperpage_operator_watches_ended_total',
    help: 'Watches that ended and were taken up again.',
    labelNames: ['kind', 'reason'] as const,
    registers,
  });
  return {
    listing: (kind, reason) => lists.inc({ kind, reason }),
    ended: (kind, reason) => watches.inc({ kind, reason }),
  };
}
