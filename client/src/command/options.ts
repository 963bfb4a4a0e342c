import { parseArgs } from 'node:util';
import { UsageError } from './usage-error.ts';

export interface CommandOptions {
  /** Absent: standard input. */
  file: string | undefined;
  url: string | undefined;
  dryRun: boolean;
  /** Where it is kept how far it came. */
  resume: string | undefined;
  batchSize: number;
}

export const HELP = `hyperpage-migrate [options] [FILE]

Takes the sessions of FILE, or of standard input, over into Redis by way of a Hyperpage sidecar.
Doing it again changes nothing: a session that is there, or was deleted since, stays as it is.

FILE is a JSON object of session id to session (a session may be JSON text in a string, as in a
browser's localStorage), or NDJSON with {"sessionId": …, "session": …} on each line.

  --url URL       where the sidecar is (HYPERPAGE_URL, or http://127.0.0.1:7070)
  --dry-run       have every session checked and none written
  --resume FILE   keep in FILE how far it came, and go on from there the next time
  --batch N       sessions in one request, 1 to 100 (100)
  --help          this text

Exit status: 0 all sessions are there, 1 some are invalid or failed, 2 it was called wrongly.
`;

/** What the command line asks for. @throws UsageError that says what it wants instead */
export function readOptions(args: readonly string[]): CommandOptions | 'help' {
  const { values, positionals } = parsed(args);
  if (values.help) return 'help';
  if (positionals.length > 1) throw new UsageError(`give one file, not ${positionals.length}; see --help`);
  const dryRun = values['dry-run'];
  if (dryRun && values.resume !== undefined)
    throw new UsageError('--dry-run writes nothing, so there is nothing to resume: leave out one of the two');
  const batchSize = /^\d{1,3}$/.test(values.batch) ? Number(values.batch) : 0;
  if (batchSize < 1 || batchSize > 100)
    throw new UsageError(`--batch is ${JSON.stringify(values.batch)}; it wants a whole number from 1 to 100`);
  if (values.url !== undefined && !/^https?:\/\/[^/\s]/.test(values.url))
    throw new UsageError(
      `--url is ${JSON.stringify(values.url)}; it wants a URL, such as http://127.0.0.1:7070`,
    );
  const [file] = positionals;
  return {
    file: file === '-' ? undefined : file,
    url: values.url,
    dryRun,
    resume: values.resume,
    batchSize,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        url: { type: 'string' },
        'dry-run': { type: 'boolean', default: false },
        resume: { type: 'string' },
        batch: { type: 'string', default: '100' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}; see --help`);
  }
}
