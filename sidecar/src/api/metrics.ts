import { Counter, Histogram, type Registry } from '@hyperpage/runtime';

export type ApiMetrics = ReturnType<typeof apiMetrics>;

/** Counts requests by route and status, and times them. The label sets are closed: routes are of the table, or
 *  `unknown`. Children are kept, as looking labels up for each request is what such a metric costs. */
export function apiMetrics(registry: Registry) {
  const registers = [registry];
  const requests = new Counter({
    name: 'hyperpage_api_requests_total',
    help: 'Requests to the API.',
    labelNames: ['route', 'status'] as const,
    registers,
  });
  const seconds = new Histogram({
    name: 'hyperpage_api_request_seconds',
    help: 'From the headers of a request to the end of its answer; streams are not timed.',
    labelNames: ['route'] as const,
    buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2.5],
    registers,
  });
  const counters = new Map<string, ReturnType<typeof requests.labels>>();
  const timers = new Map<string, ReturnType<typeof seconds.labels>>();
  return {
    answered(route: string, status: number, durationMs: number | undefined): void {
      const key = `${route} ${status}`;
      let counter = counters.get(key);
      if (!counter) counters.set(key, (counter = requests.labels(route, String(status))));
      counter.inc();
      if (durationMs === undefined) return;
      let timer = timers.get(route);
      if (!timer) timers.set(route, (timer = seconds.labels(route)));
      timer.observe(durationMs / 1000);
    },
  };
}
