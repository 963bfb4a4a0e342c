import type { Live, PodState } from './live.ts';
import { Pod } from './pod.tsx';

/** The state of this window in one sentence. */
export function Masthead({ live: { state, connected } }: { live: Live }) {
  return (
    <header className="masthead">
      <p className="brand">
        <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
          <circle cx="10" cy="4.5" r="3" className="brand-leader" />
          <circle cx="4.5" cy="14.5" r="3" />
          <circle cx="15.5" cy="14.5" r="3" />
        </svg>
        Hyperpage
      </p>
      <p className={connected ? 'link link-up' : 'link'} role="status">
        {connected ? 'Live' : state === null ? 'Connecting…' : 'Connection lost, looking for a pod…'}
      </p>
      {state === null ? (
        <h1>Finding a pod…</h1>
      ) : (
        <h1>
          <span className="visually-hidden">This pod is </span>
          <Pod name={state.pod} leads={state.leader === state.pod} />
        </h1>
      )}
      <p className="standing" data-testid="standing">
        {state === null ? '\u00a0' : <Standing state={state} />}
      </p>
    </header>
  );
}

function Standing({ state: { leader, pod, isLeader, term } }: { state: PodState }) {
  if (leader === null) return <>answers this window. Nobody leads yet.</>;
  if (leader === pod)
    return (
      <>
        answers this window and {isLeader ? 'leads' : 'was the last to lead'} in term{' '}
        <b data-testid="term">{term}</b>.
      </>
    );
  return (
    <>
      answers this window and follows <Pod name={leader} />, which leads in term{' '}
      <b data-testid="term">{term}</b>.
    </>
  );
}
