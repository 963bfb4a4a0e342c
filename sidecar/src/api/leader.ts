import { type LeaderCheckAnswer, LeaderCheckRequest, StepDownRequest } from '@hyperpage/contract';
import { readJson } from './body.ts';
import { EventStream } from './event-stream.ts';
import type { Handler } from './exchange.ts';
import type { ApiPorts } from './ports.ts';
import { ProblemError } from './problem.ts';
import { bodyCheck } from './validate.ts';

const LIMIT_BYTES = 4096;
const STEP_DOWN_MS = 60_000;
const stepDownRequest = bodyCheck(StepDownRequest);
const checkRequest = bodyCheck(LeaderCheckRequest);

/** `/v1/leader` and what is below it. */
export function leaderHandlers({ election, settings, clock }: ApiPorts) {
  const requireElection = () => {
    if (settings.electionEnabled) return;
    throw new ProblemError(
      'election-disabled',
      'This cluster elects no leader: set spec.leaderElection.enabled to true in its HyperpageCluster.',
    );
  };

  const getLeader: Handler = () => {
    requireElection();
    return { status: 200, body: election.view() };
  };

  const checkLeader: Handler = async ({ req }) => {
    requireElection();
    const { term } = checkRequest(await readJson(req, LIMIT_BYTES));
    const view = election.view();
    const valid = view.isLeader && view.term === term;
    const body: LeaderCheckAnswer = { valid, term: view.term, validForMs: valid ? view.validForMs : 0 };
    return { status: 200, body };
  };

  const stepDown: Handler = async ({ req }) => {
    requireElection();
    const { forMs = STEP_DOWN_MS } = stepDownRequest(await readJson(req, LIMIT_BYTES));
    if (!election.stepDown(forMs)) {
      const { leader } = election.view();
      throw new ProblemError(
        'not-leader',
        leader === null ? 'Nobody leads now.' : `${leader} leads: ask its own sidecar.`,
      );
    }
    return { status: 200, body: election.view() };
  };

  const leaderEvents: Handler = ({ res }) => {
    requireElection();
    const current = () => ({ event: 'changed', data: election.view() });
    const stream = new EventStream(res, { clock, onOverflow: current });
    stream.open();
    stream.send(current());
    res.once(
      'close',
      election.on((event, view) => stream.send({ event, data: view })),
    );
    return 'streaming';
  };

  return { getLeader, checkLeader, stepDown, leaderEvents };
}
