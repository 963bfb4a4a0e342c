import { collectDefaultMetrics, Registry } from 'prom-client';

export { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** A registry of its own for each process (and each embedded sidecar), with Node's process metrics on request.
 *  Metrics are named `hyperpage_<part>_<thing>_<unit>`; labels are closed sets. */
export function createRegistry(options: { processMetrics: boolean }): Registry {
  const registry = new Registry();
  if (options.processMetrics) collectDefaultMetrics({ register: registry });
  return registry;
}
