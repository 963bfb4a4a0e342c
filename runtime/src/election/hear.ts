import { isElector } from './contend.ts';
import type { Known } from './electors.ts';
import type { Lease } from './lease.ts';
import { type Answer, type Ask, answerOf, consider } from './promise.ts';
import { holderOf } from './record.ts';
import type { AskEffect, ElectionState, Instant, Step } from './state.ts';
import { granted } from './support.ts';
import { termOf } from './term.ts';
import { observe } from './transitions.ts';

/** What other processes say: their questions and answers, the Lease that they show, and who they are. */

/** Who leads says so sooner. */
const WOKEN_MS = 1_000;

/** With electors, who leads tells it everybody within a moment: asking the API server is for when it does not. */
export function woken(state: ElectionState, now: Instant): ElectionState {
  if (!state.config.electors) return { ...state, mustRead: true };
  const soonMs = now.monotonicMs + WOKEN_MS * (1 + state.config.jitter);
  return { ...state, readDueMs: Math.min(state.readDueMs, soonMs) };
}

export function withPeers(state: ElectionState, hosts: readonly string[], now: Instant): ElectionState {
  const isNew = hosts.some((host) => !state.peers.includes(host));
  const known = new Map([...state.known].filter(([host]) => hosts.includes(host)));
  return { ...state, peers: hosts, known, tellDueMs: isNew ? now.monotonicMs : state.tellDueMs };
}

export function asked(state: ElectionState, ask: Ask, now: Instant): Step {
  const lease = ask.do === 'probe' ? undefined : ask.lease;
  const { state: considered, granted: yes } = consider(state, ask, now);
  const next = lease ? told(considered, lease, now) : considered;
  const holder = next.observed?.lease?.spec?.holderIdentity;
  const isHolder = yes && ask.do === 'promise' && ask.candidate === holder;
  const heard = isHolder ? { ...next, heardMs: now.monotonicMs } : next;
  return { state: heard, effects: [{ kind: 'answer', answer: answerOf(next, yes) }] };
}

/** Another process shows the Lease as its own write has left it. It is as good as reading it, where it is newer than
 *  what we know; a write of ours that may be done has to be settled by a reading. */
function told(state: ElectionState, lease: Lease, now: Instant): ElectionState {
  const { observed, inFlight, unsettled, role, config } = state;
  if (state.phase !== 'running' || observed === undefined) return state;
  const known = observed.lease;
  if (known === undefined || known.metadata.uid !== lease.metadata.uid) {
    // Made anew, or older than what we know: the API server says which. An elector must not go by the electors of one
    // that is gone.
    if (known !== undefined && termOf(lease) <= termOf(known)) return state;
    return isElector(state) ? { ...state, mustRead: true } : woken(state, now);
  }
  const newer =
    termOf(lease) > termOf(known) ||
    (termOf(lease) === termOf(known) && (lease.spec?.renewTime ?? '') > (known.spec?.renewTime ?? ''));
  if (newer && holderOf(lease, config.identity) !== 'us') {
    const writing = inFlight !== undefined && inFlight.kind !== 'read';
    if (writing || unsettled.length > 0 || role.kind === 'leader') {
      return { ...state, mustRead: true, highestTerm: Math.max(state.highestTerm, termOf(lease)) };
    }
    return { ...observe(state, lease, now), readDueMs: quietUntilMs(state, now) };
  }
  const same = (lease.spec?.renewTime ?? '') === (known.spec?.renewTime ?? '');
  return same && role.kind === 'follower' ? { ...state, readDueMs: quietUntilMs(state, now) } : state;
}

/** While the leader tells its Lease, nobody reads it. */
const quietUntilMs = ({ config }: ElectionState, now: Instant) =>
  now.monotonicMs + config.heartbeatMs * (2 + config.jitter);

export function answered(
  state: ElectionState,
  { host, ask, sentAtMs }: AskEffect,
  answer: Answer | undefined,
): ElectionState {
  const { round, config } = state;
  const mine = ask.do === 'tell' || ask.do === 'withdraw' ? undefined : ask;
  const counted =
    round && mine?.term === round.term && (mine.do === 'probe') === (round.stage === 'probing')
      ? { ...round, answers: round.answers + 1 }
      : undefined;
  if (!answer) return counted ? { ...state, round: counted } : state;
  const one: Known = { id: answer.id, host, node: answer.node, seenMs: sentAtMs };
  const known = new Map(state.known);
  if (answer.leaving) known.delete(host);
  else if (sentAtMs >= (known.get(host)?.seenMs ?? Number.NEGATIVE_INFINITY)) known.set(host, one);
  const next = { ...state, known };
  if (!mine || mine.candidate !== config.identity) return next;
  if (!answer.granted) {
    return {
      ...next,
      refusedTerm: Math.max(state.refusedTerm, answer.term),
      ...(counted ? { round: counted } : {}),
    };
  }
  return {
    ...next,
    support:
      mine.do === 'promise' && mine.term >= state.support.fromTerm
        ? granted(state.support, answer.id, sentAtMs)
        : state.support,
    ...(counted ? { round: { ...counted, willing: new Map(counted.willing).set(answer.id, one) } } : {}),
  };
}
