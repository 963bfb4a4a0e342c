import { HyperpageError, type PodCoordinator, type Priority } from '@hyperpage/client';
import { json, type Request, type Response, Router } from 'express';
import type { Feed } from './feed.ts';

const HEARTBEAT_MS = 15_000;
const MAX_TEXT = 500;

interface Outgoing {
  text: string;
  /** Everyone, everyone in the leader's name, or one pod by its name. */
  to: { kind: 'all' } | { kind: 'as-leader' } | { kind: 'pod'; podId: string };
  priority: Priority;
}

/** What the page needs beside the session: `GET /state`, `GET /events` (live), `POST /messages`. */
export function demoRoutes(pod: string, feed: Feed, coordinator: PodCoordinator): Router {
  const router = Router();
  router.get('/state', (_request, response) => {
    response.set('cache-control', 'no-store').json(feed.state());
  });
  router.get('/events', (request, response) => streamFeed(request, response, feed));
  router.post('/messages', json({ limit: '16kb' }), async (request, response) => {
    const { id } = await send(coordinator, parseOutgoing(request.body));
    response.status(202).json({ id, pod });
  });
  return router;
}

function send(coordinator: PodCoordinator, { text, to, priority }: Outgoing): Promise<{ id: string }> {
  if (to.kind === 'pod') return coordinator.sendToPod(to.podId, 'broadcast', { text }, { priority });
  if (to.kind === 'as-leader') return coordinator.coordinate('broadcast', { text }, { priority });
  return coordinator.broadcast('broadcast', { text }, { priority });
}

function parseOutgoing(body: unknown): Outgoing {
  const { text, to = 'all', priority = 'normal', ...others } = (body ?? {}) as Record<string, unknown>;
  if (typeof text !== 'string' || text.trim() === '' || text.length > MAX_TEXT)
    throw refuse(`text must be 1 to ${MAX_TEXT} characters`);
  if (typeof to !== 'string') throw refuse('to must be "all", "as-leader" or the name of a pod');
  if (priority !== 'low' && priority !== 'normal' && priority !== 'high')
    throw refuse('priority must be low, normal or high');
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw refuse(`${unknown} is not known here; send text, to and priority`);
  return {
    text,
    to: to === 'all' || to === 'as-leader' ? { kind: to } : { kind: 'pod', podId: to },
    priority,
  };
}

const refuse = (what: string) => new HyperpageError('invalid-body', what, { status: 400 });

function streamFeed(request: Request, response: Response, feed: Feed): void {
  response.set({
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  response.flushHeaders();
  const stop = feed.follow(({ event, data }) => {
    const roomLeft = response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    // A reader that takes nothing would fill this pod's memory: let it come back, it then gets the state anew.
    if (!roomLeft && response.writableLength > 1024 * 1024) response.destroy();
  });
  const heartbeat = setInterval(() => response.write(':\n\n'), HEARTBEAT_MS);
  request.on('close', () => {
    clearInterval(heartbeat);
    stop();
  });
}
