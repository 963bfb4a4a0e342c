import type { Logger } from './logger.ts';

export interface ShutdownStep {
  name: string;
  run(): Promise<void> | void;
}

/** Runs `steps` in order on the first SIGTERM or SIGINT and then exits with 0; a step that fails is logged and the
 *  next one runs all the same. After `graceMs` the process exits with 1, done or not: kubelet would kill it anyway. */
export function shutdownOnSignal(
  steps: readonly ShutdownStep[],
  options: { graceMs: number; log: Logger },
): void {
  let stopping = false;
  const stop = async (signal: string) => {
    if (stopping) return;
    stopping = true;
    options.log.info({ signal }, 'stopping');
    setTimeout(() => {
      options.log.error({ graceMs: options.graceMs }, 'stopping took too long; exiting');
      process.exit(1);
    }, options.graceMs).unref();
    for (const step of steps) {
      try {
        await step.run();
      } catch (err) {
        options.log.warn({ err, step: step.name }, 'a step of stopping failed');
      }
    }
    options.log.info('stopped');
    process.exit(0);
  };
  process.on('SIGTERM', () => void stop('SIGTERM'));
  process.on('SIGINT', () => void stop('SIGINT'));
}
