import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock, Logger } from '@hyperpage/runtime';
import { type Handler, parseQuery, sendAnswer } from './exchange.ts';
import type { ApiMetrics } from './metrics.ts';
import { ProblemError, sendProblem } from './problem.ts';
import type { Route, RouteId } from './routes.ts';

export interface RouterOptions {
  routes: readonly Route[];
  handlers: Readonly<Partial<Record<RouteId, Handler>>>;
  clock: Clock;
  log: Logger;
  /** Absent: requests are not counted. */
  metrics?: ApiMetrics;
  /** Told of an answer that its handler has taken over. */
  onStream?: (res: ServerResponse) => void;
}

export type Router = ReturnType<typeof createRouter>;

/** Carries requests to handlers and their answers back; every error becomes a problem document. */
export function createRouter({ routes, handlers, clock, log, metrics, onStream }: RouterOptions) {
  const byPath = Map.groupBy(routes, (route) => route.path);

  const fail = (res: ServerResponse, error: unknown, route: string): number => {
    if (error instanceof ProblemError) {
      sendProblem(res, error);
      return error.status;
    }
    log.error({ err: error, route }, 'request failed');
    const detail = 'This is a defect of the sidecar; its log says more. Trying again may help.';
    sendProblem(res, new ProblemError('internal', detail));
    return 500;
  };

  const serve = async (route: Route, req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const startMs = clock.monotonicMs();
    const took = () => clock.monotonicMs() - startMs;
    try {
      const query = parseQuery(req.url ?? '', route.query ? Object.keys(route.query) : []);
      const handler = handlers[route.id];
      if (!handler) throw new Error(`no handler for ${route.id}`);
      const answer = await handler({ req, res, query });
      if (answer === 'streaming') {
        onStream?.(res);
        return metrics?.answered(route.id, 200, undefined);
      }
      sendAnswer(res, answer);
      metrics?.answered(route.id, answer.status, took());
    } catch (error) {
      const status = fail(res, error, route.id);
      metrics?.answered(route.id, status, took());
    }
  };

  const refuse = (res: ServerResponse, error: unknown): void => {
    const status = fail(res, error, 'unknown');
    metrics?.answered('unknown', status, undefined);
  };

  return {
    serve,
    /** Answers a request that no route takes. */
    refuse,
    /** Serves the route of `path` and the request's method; false when there is no such path. */
    route(path: string, req: IncomingMessage, res: ServerResponse): Promise<void> | false {
      const candidates = byPath.get(path);
      if (!candidates) return false;
      const asked = req.method === 'HEAD' && path !== '/api/sessions' ? 'GET' : req.method;
      const route = candidates.find(({ method }) => method === asked);
      if (route) return serve(route, req, res);
      refuse(res, methodNotAllowed(path, candidates));
      return Promise.resolve();
    },
  };
}

function methodNotAllowed(path: string, routes: readonly Route[]): ProblemError {
  const allow = routes.map(({ method }) => method).join(', ');
  return new ProblemError('method-not-allowed', `${path} takes ${allow}.`, { headers: { allow } });
}

export const notFound = () =>
  new ProblemError('not-found', 'There is no such path: GET /openapi.json lists all there are.');
