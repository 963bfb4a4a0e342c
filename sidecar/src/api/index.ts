/** The HTTP API: for the app on loopback, and health and metrics on the pod's address. */
export { openApiDocument } from './openapi.ts';
export type { ApiPorts } from './ports.ts';
export { ROUTES, type Route } from './routes.ts';
export { createApiServer, createPodServer, type HttpListener } from './server.ts';
