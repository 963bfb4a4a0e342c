import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger };

/** Structured logs, a JSON line each, on standard output: `level` as a word, `time` in ISO 8601. Messages are
 *  constant sentences; what varies goes into keys. */
export function createLogger(
  options: { level: string; bindings?: Record<string, unknown> },
  destination?: DestinationStream,
): Logger {
  const settings = {
    level: options.level,
    base: options.bindings ?? {},
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return destination ? pino(settings, destination) : pino(settings);
}

export const silentLogger: Logger = pino({ level: 'silent' });
