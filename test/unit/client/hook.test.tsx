import { useSession } from '@hyperpage/client/react';
import { renderToString } from 'react-dom/server';
import { MyComponent } from './spec-examples.tsx';

describe('useSession, on a server', () => {
  test('renders the loading state and asks nothing', () => {
    const asked: unknown[] = [];
    const before = globalThis.fetch;
    globalThis.fetch = async (...request: unknown[]) => {
      asked.push(request);
      return new Response();
    };
    try {
      expect(renderToString(<Widget />)).toBe('<p>Loading session...</p>');
      expect(renderToString(<MyComponent />)).toBe('<div>Loading session...</div>');
      expect(asked).toEqual([]);
    } finally {
      globalThis.fetch = before;
    }
  });
});

function Widget() {
  const { session, isLoading } = useSession();
  return <p>{isLoading ? 'Loading session...' : session?.preferences.theme}</p>;
}
