import { SessionStore, useSession } from '@hyperpage/client/react';
import { useEffect, useMemo, useState } from 'react';
import { huesOf } from './hues.ts';
import { useLive } from './live.ts';
import { Masthead } from './masthead.tsx';
import { Members } from './members.tsx';
import { Messages } from './messages.tsx';
import { Notes } from './notes.tsx';
import { Hues } from './pod.tsx';
import { Session } from './session.tsx';
import { rememberTheme, showTheme } from './theme.ts';

export function App() {
  const live = useLive();
  const [store, answeredBy] = useSessionStore();
  const { session } = useSession(store);
  const theme = session?.preferences.theme;
  const members = live.state?.members;
  const hues = useMemo(() => {
    const eldestFirst = [...(members ?? [])].sort((a, b) => a.startedAt - b.startedAt);
    return huesOf(eldestFirst.map(({ podId }) => podId));
  }, [members]);

  useEffect(() => {
    if (theme === undefined) return;
    showTheme(theme);
    rememberTheme(theme);
  }, [theme]);

  return (
    <Hues value={hues}>
      <div className="sheet">
        <Masthead live={live} />
        <main>
          <Members state={live.state} />
          <div className="columns">
            <Messages live={live} />
            <div className="side">
              <Session store={store} answeredBy={answeredBy} />
              <Notes store={store} />
            </div>
          </div>
        </main>
        <footer>Open this page on a second pod and watch both change together.</footer>
      </div>
    </Hues>
  );
}

/** This page's session, and the pod that answered for it last. */
function useSessionStore(): [store: SessionStore, answeredBy: string | null] {
  const [answeredBy, setAnsweredBy] = useState<string | null>(null);
  const [store] = useState(
    () =>
      new SessionStore({
        fetch: async (...request) => {
          const response = await fetch(...request);
          setAnsweredBy(response.headers.get('hyperpage-pod'));
          return response;
        },
      }),
  );
  return [store, answeredBy];
}
