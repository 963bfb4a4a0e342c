import { useEffect, useState } from 'react';
import type { PodState } from './live.ts';
import { Pod } from './pod.tsx';

/** Everyone who is alive. */
export function Members({ state }: { state: PodState | null }) {
  const now = useNow(1000);
  const members = [...(state?.members ?? [])].sort((a, b) => a.podId.localeCompare(b.podId));
  return (
    <section className="members" aria-labelledby="members-title">
      <h2 id="members-title">
        Pods <span className="count">{members.length || ''}</span>
      </h2>
      <ul>
        {members.map(({ podId, startedAt }) => (
          <li key={podId} data-testid="member">
            <Pod name={podId} leads={podId === state?.leader} />
            <span className="member-facts">
              {podId === state?.leader && <b className="crown">leader</b>}
              {podId === state?.pod && <b>this pod</b>}
              <span>{ageOf(now - startedAt)}</span>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function useNow(everyMs: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

/** How long a pod has been up, for people. Clocks of two machines differ: never below zero. */
export function ageOf(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `up ${seconds} s`;
  if (seconds < 3600) return `up ${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `up ${Math.floor(seconds / 3600)} h`;
  return `up ${Math.floor(seconds / 86_400)} d`;
}
