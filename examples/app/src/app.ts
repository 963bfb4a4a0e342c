import { HyperpageError, type PodCoordinator } from '@hyperpage/client';
import { hyperpage } from '@hyperpage/client/express';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import { demoRoutes } from './demo.ts';
import { Feed } from './feed.ts';

export interface AppOptions {
  /** Name of this pod. */
  pod: string;
  /** Folder of the built page. */
  publicDir: string;
  coordinator: PodCoordinator;
  /** Where the sidecar is; by default HYPERPAGE_URL. */
  sidecarUrl?: string;
  /** Told of errors that no answer explains. */
  onError: (error: unknown) => void;
}

/** The example app: the session endpoints come from the SDK's mount, everything else is below `/api/demo`. */
export function createApp(options: AppOptions): Express {
  const feed = new Feed(options.pod, options.coordinator);
  feed.start();
  const app = express();
  app.disable('x-powered-by');
  app.use(securityHeaders(options.pod));
  app.use(hyperpage(options.sidecarUrl === undefined ? {} : { url: options.sidecarUrl }));
  app.use('/api/demo', demoRoutes(options.pod, feed, options.coordinator));
  app.use(express.static(options.publicDir, { cacheControl: false, index: 'index.html' }));
  app.use((request, _response, next) => {
    next(new HyperpageError('not-found', `There is nothing at ${request.path}.`, { status: 404 }));
  });
  app.use(problemAnswer(options.onError));
  return app;
}

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

const securityHeaders =
  (pod: string): RequestHandler =>
  (_request, response, next) => {
    response.set({
      'content-security-policy': POLICY,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-cache',
      // Behind a Service every answer may come from another pod: the page shows which.
      'hyperpage-pod': pod,
    });
    next();
  };

/** Every error as a problem document; Express's own answer is HTML with a stack. */
const problemAnswer =
  (onError: (error: unknown) => void): ErrorRequestHandler =>
  (error: unknown, _request, response, next) => {
    if (response.headersSent) return next(error);
    const { code, status, detail } = describe(error);
    if (status === 500) onError(error);
    response
      .status(status)
      .type('application/problem+json')
      .send(JSON.stringify({ type: `urn:hyperpage:problem:${code}`, title: code, status, detail, code }));
  };

function describe(error: unknown): { code: string; status: number; detail: string } {
  if (error instanceof HyperpageError) {
    const status = error.status || (error.code === 'not-leader' ? 409 : 503);
    return { code: error.code, status, detail: error.message };
  }
  // What Express's own body parser throws.
  const { status = 500, message = '' } = (error ?? {}) as { status?: number; message?: string };
  if (status >= 400 && status < 500) return { code: 'bad-request', status, detail: message };
  return { code: 'internal', status: 500, detail: 'The app failed; its log says why.' };
}
