import {
  Counter,
  type Election,
  type ElectionNotice,
  Gauge,
  Histogram,
  type Registry,
} from '@hyperpage/runtime';

/** The election's metrics; the gauges are read when they are asked for. */
export function electionMetrics(registry: Registry, election: Election) {
  const registers = [registry];
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  gauge('hyperpage_election_is_leader', '1 while this pod may act as leader.', () =>
    Number(election.view().isLeader),
  );
  gauge('hyperpage_election_term', 'Highest term this pod knows.', () => election.view().term);
  gauge(
    'hyperpage_election_valid_for_seconds',
    'For how long this pod may act as leader, if nothing renews it.',
    () => election.view().validForMs / 1000,
  );
  gauge(
    'hyperpage_election_electors',
    'Pods whose promises the leader needs; 0: a crashed leader is replaced when its Lease has run out.',
    () => election.electors().length,
  );
  const transitions = new Counter({
    name: 'hyperpage_election_transitions_total',
    help: 'Times this pod began to lead, and ceased to.',
    labelNames: ['to'] as const,
    registers,
  });
  const renewals = new Counter({
    name: 'hyperpage_election_renewals_total',
    help: 'Renewals of the Lease by this pod.',
    labelNames: ['outcome'] as const,
    registers,
  });
  const renewSeconds = new Histogram({
    name: 'hyperpage_election_renew_seconds',
    help: 'What a renewal of the Lease by this pod took, from sending it to its answer.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  });
  const takeoverSeconds = new Histogram({
    name: 'hyperpage_election_takeover_seconds',
    help: 'From when the leader before was heard last, or had given the Lease up, until this pod led; by how it came to it.',
    labelNames: ['how'] as const,
    buckets: [0.05, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 15, 30, 60],
    registers,
  });
  return {
    count(notice: ElectionNotice): void {
      if (notice.kind === 'acquired') {
        transitions.inc({ to: 'leader' });
        const { takeover } = notice;
        if (takeover) takeoverSeconds.observe({ how: takeover.how }, takeover.ms / 1000);
      } else if (notice.kind === 'lost') transitions.inc({ to: 'follower' });
      else if (notice.kind === 'renewal') {
        renewals.inc({ outcome: notice.outcome });
        if (notice.outcome === 'ok') renewSeconds.observe(notice.tookMs / 1000);
      }
    },
  };
}
