export * from './backoff.ts';
export * from './clock.ts';
export * from './http.ts';
export * from './kube/index.ts';
export * from './logger.ts';
export * from './metrics.ts';
export * from './settings.ts';
export * from './shutdown.ts';
