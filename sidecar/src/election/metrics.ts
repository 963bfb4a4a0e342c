import { Counter, type Election, type ElectionNotice, Gauge, type Registry } from '@hyperpage/runtime';

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
  return {
    count(notice: ElectionNotice): void {
      if (notice.kind === 'acquired') transitions.inc({ to: 'leader' });
      else if (notice.kind === 'lost') transitions.inc({ to: 'follower' });
      else if (notice.kind === 'renewal') renewals.inc({ outcome: notice.outcome });
    },
  };
}
