import { type SessionStore, useSession } from '@hyperpage/client/react';

const NOTES = [
  {
    id: 'leadership',
    title: 'How a leader is found',
    text: 'The pods agree through one Lease. Each new leader gets a higher term, and the sidecar says for how long a pod may still act as leader; after that it stops by itself. Delete the leader’s pod and watch the term grow.',
  },
  {
    id: 'messages',
    title: 'Where a message goes',
    text: 'To every pod or to one. A pod that was away for a moment gets what it missed, and is told when something is gone for good. High priority does not wait behind low.',
  },
  {
    id: 'sessions',
    title: 'What a session survives',
    text: 'Which of these notes are open is part of your session, as is the theme. Open this page on another pod: both are there. Two pods that change different fields both win.',
  },
] as const;

/** Notes that open and close; which are open is kept in the session. */
export function Notes({ store }: { store: SessionStore }) {
  const { session, updateSession } = useSession(store);
  const open = session?.uiState.expandedWidgets ?? [];
  const toggle = (id: string) => {
    const expandedWidgets = open.includes(id) ? open.filter((other) => other !== id) : [...open, id];
    void updateSession({ uiState: { expandedWidgets } });
  };
  return (
    <section className="notes" aria-label="Notes">
      {NOTES.map(({ id, title, text }) => {
        const expanded = open.includes(id);
        return (
          <div key={id}>
            <h3>
              <button
                type="button"
                aria-expanded={expanded}
                aria-controls={`note-${id}`}
                disabled={session === null}
                onClick={() => toggle(id)}
              >
                {title}
              </button>
            </h3>
            <p id={`note-${id}`} hidden={!expanded}>
              {text}
            </p>
          </div>
        );
      })}
    </section>
  );
}
