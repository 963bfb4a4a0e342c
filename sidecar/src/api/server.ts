import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { close, listen } from '@hyperpage/runtime';
import express from 'express';
import { type Handler, pathOf } from './exchange.ts';
import { healthHandlers } from './health.ts';
import { leaderHandlers } from './leader.ts';
import { memberHandlers } from './members.ts';
import { messageHandlers } from './messages.ts';
import { apiMetrics } from './metrics.ts';
import { openApiDocument } from './openapi.ts';
import { PEER_PREFIX, type PeerHandler } from '../peers/index.ts';
import type { ApiPorts } from './ports.ts';
import { ProblemError } from './problem.ts';
import { refuseRaw } from './raw-refusal.ts';
import { createRouter, notFound, type Router } from './router.ts';
import { HEALTH_ROUTES, ROUTES, type RouteId } from './routes.ts';
import { importHandlers } from './session-import.ts';
import { sessionHandlers } from './sessions.ts';

export interface HttpListener {
  /** Listens and gives the port. */
  listen(port: number, host: string): Promise<number>;
  /** Ends streams, lets other requests finish for `graceMs`, then cuts what is left. */
  close(graceMs: number): Promise<void>;
}

/** The API for the app; to be bound to loopback only. */
export function createApiServer(ports: ApiPorts): HttpListener {
  const openapi: Handler = () => ({ status: 200, body: openApiDocument() });
  const handlers: Record<RouteId, Handler> = {
    ...sessionHandlers(ports),
    ...importHandlers(ports),
    ...leaderHandlers(ports),
    ...messageHandlers(ports),
    ...memberHandlers(ports),
    ...healthHandlers(ports),
    openapi,
  };
  const streams = new Set<ServerResponse>();
  const onStream = (res: ServerResponse) => {
    streams.add(res);
    res.once('close', () => streams.delete(res));
  };
  const metrics = apiMetrics(ports.registry);
  const router = createRouter({ ...ports, routes: ROUTES, handlers, metrics, onStream });
  const app = expressApp(router);
  const hot = new Map(
    ROUTES.filter((route) => route.hot).map((route) => [`${route.method} ${route.path}`, route]),
  );
  return httpListener((req, res) => {
    if (!isLocalHost(req.headers.host)) return router.refuse(res, forbiddenHost());
    const route = hot.get(`${req.method} ${pathOf(req.url ?? '')}`);
    if (route) void router.serve(route, req, res);
    else app(req, res);
  }, streams);
}

/** Health and metrics for kubelet and Prometheus, and what other sidecars ask, on the pod's address: nothing of the app's
 *  API. */
export function createPodServer(
  ports: Pick<ApiPorts, 'missing' | 'registry' | 'clock' | 'log'> & { peerHandler?: PeerHandler | undefined },
): HttpListener {
  const router = createRouter({ ...ports, routes: HEALTH_ROUTES, handlers: healthHandlers(ports) });
  return httpListener((req, res) => {
    if (ports.peerHandler && req.url?.startsWith(PEER_PREFIX)) return ports.peerHandler(req, res);
    if (router.route(pathOf(req.url ?? ''), req, res) === false) router.refuse(res, notFound());
  });
}

function expressApp(router: Router) {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  app.enable('case sensitive routing');
  app.enable('strict routing');
  for (const path of new Set(ROUTES.map((route) => route.path))) {
    app.all(path, (req, res) => void router.route(path, req, res));
  }
  app.use((_req: IncomingMessage, res: ServerResponse) => router.refuse(res, notFound()));
  // Express knows an error handler by its four parameters; without one it answers HTML with a stack.
  app.use((error: unknown, _req: IncomingMessage, res: ServerResponse, _next: unknown) =>
    router.refuse(res, error),
  );
  return app;
}

/** Against DNS rebinding: a web page whose name was made to point to 127.0.0.1 must not reach this API. */
const isLocalHost = (host: string | undefined) =>
  host !== undefined && /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i.test(host);

const forbiddenHost = () =>
  new ProblemError('forbidden-host', 'Call this API by 127.0.0.1 or localhost, as in HYPERPAGE_URL.', {
    headers: { connection: 'close' },
  });

/** `streams`: answers that end with the listener. */
function httpListener(
  onRequest: (req: IncomingMessage, res: ServerResponse) => void,
  streams: ReadonlySet<ServerResponse> = new Set(),
): HttpListener {
  // The Host header is our own check, with a problem document for an answer.
  const options = { requireHostHeader: false, keepAliveTimeout: 65_000 };
  const server: Server = createServer(options, onRequest);
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => refuseRaw(error, socket));
  return {
    listen: (port, host) => listen(server, port, host),
    close: (graceMs) => {
      const closed = close(server, graceMs);
      for (const res of streams) res.end();
      return closed;
    },
  };
}
