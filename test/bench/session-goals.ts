import { type Row, row } from './entry.ts';
import type { Standing } from './standing.ts';

/** The contenders of the entry `sessions`, by the names that the tables show. */
export const SIDES = {
  sidecar: 'sidecar',
  unconfirmed: 'sidecar, no WAIT',
  near: 'sidecar, near cache',
  daprd: 'daprd',
  daprdStrong: 'daprd, consistency strong',
  express: 'express-session, connect-redis',
  rawWait: 'raw Redis, HSET and WAIT 1',
  rawGet: 'redis-benchmark GET',
} as const;

const UNITS = {
  p50Ms: 'ms',
  p99Ms: 'ms',
  cpuMicros: 'us',
  perSecond: '1/s',
  anonymousMiB: 'MiB',
  residentMiB: 'MiB',
} as const;

interface Asked {
  id: string;
  what: string;
  load: string;
  figure: keyof typeof UNITS;
  /** Default: the sidecar. */
  ours?: string;
  peer: string;
  atMost?: number;
  ratioAtMost?: number;
}

const { daprd, daprdStrong, express, near, rawGet } = SIDES;
const FULL = 'full load';
const STEADY = 'steady rate';

/** What issue 5, part 8 asks for, and figures beside it that have no goal. */
const ASKED: readonly Asked[] = [
  { id: 'read-p50', what: `read, ${FULL}, p50`, load: 'read', figure: 'p50Ms', peer: daprd, atMost: 1 },
  { id: 'read-p99', what: `read, ${FULL}, p99`, load: 'read', figure: 'p99Ms', peer: daprd, ratioAtMost: 1 },
  {
    id: 'read-paced-p50',
    what: `read, ${STEADY}, p50`,
    load: 'read-paced',
    figure: 'p50Ms',
    peer: daprd,
    atMost: 1,
  },
  {
    id: 'read-paced-p99',
    what: `read, ${STEADY}, p99`,
    load: 'read-paced',
    figure: 'p99Ms',
    peer: daprd,
    ratioAtMost: 1,
  },
  {
    id: 'write-p99',
    what: `write with WAIT 1, ${FULL}, p99`,
    load: 'write',
    figure: 'p99Ms',
    peer: daprdStrong,
    atMost: 10,
  },
  {
    id: 'write-paced-p99',
    what: `write with WAIT 1, ${STEADY}, p99`,
    load: 'write-paced',
    figure: 'p99Ms',
    peer: daprdStrong,
    atMost: 10,
  },
  { id: 'read-cpu', what: 'CPU of a read', load: 'read', figure: 'cpuMicros', peer: daprd, ratioAtMost: 0.5 },
  {
    id: 'near-read-cpu',
    what: 'CPU of a read, near-cache hit',
    load: 'read',
    figure: 'cpuMicros',
    ours: near,
    peer: daprd,
    ratioAtMost: 0.25,
  },
  { id: 'read-cpu-express', what: 'CPU of a read', load: 'read', figure: 'cpuMicros', peer: express },
  {
    id: 'write-cpu',
    what: 'CPU of a write with WAIT 1',
    load: 'write',
    figure: 'cpuMicros',
    peer: daprdStrong,
  },
  { id: 'read-rate', what: 'reads a second', load: 'read', figure: 'perSecond', peer: rawGet },
  {
    id: 'anonymous',
    what: 'memory after all loads, anonymous',
    load: 'read-paced',
    figure: 'anonymousMiB',
    peer: daprd,
  },
  {
    id: 'resident',
    what: 'memory after all loads, resident',
    load: 'read-paced',
    figure: 'residentMiB',
    peer: daprd,
  },
];

/** The goals judged by the standings of one run. One whose contender is missing stays open. */
export const sessionGoals = (standings: readonly Standing[]): Row[] =>
  ASKED.map(({ id, load, figure, ours = SIDES.sidecar, ...rest }) => {
    const of = (contender: string) =>
      standings.find((standing) => standing.load === load && standing.contender === contender)?.[figure];
    return row({
      ...rest,
      id: `sessions/${id}`,
      unit: UNITS[figure],
      value: of(ours),
      peerValue: of(rest.peer),
    });
  });
