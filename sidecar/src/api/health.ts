import type { Registry } from '@hyperpage/runtime';
import type { Handler } from './exchange.ts';
import { ProblemError } from './problem.ts';

/** `/healthz`, `/readyz` and `/metrics`, which kubelet and Prometheus ask for. */
export function healthHandlers({ missing, registry }: { missing: () => string[]; registry: Registry }) {
  const healthz: Handler = () => ({ status: 200, body: { status: 'ok' } });
  const readyz: Handler = () => {
    const lacking = missing();
    if (lacking.length > 0) throw new ProblemError('not-ready', `Not ready: ${lacking.join('; ')}.`);
    return { status: 200, body: { ready: true } };
  };
  const metrics: Handler = async () => ({
    status: 200,
    text: await registry.metrics(),
    contentType: registry.contentType,
  });
  return { healthz, readyz, metrics };
}
