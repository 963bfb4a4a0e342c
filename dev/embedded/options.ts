import { parseArgs } from 'node:util';

export interface EmbeddedOptions {
  /** How many pods to play. */
  pods: number;
  /** The first pod's page; the others follow on the next ports. */
  port: number;
  /** The first sidecar's API; the others follow. */
  sidecarPort: number;
}

export const HELP = `npm run dev -- [options]

Runs the example app on three pods, each with its sidecar, in one process: no cluster, no Redis.
What they know lives in memory and ends with this command.

  --pods N           how many pods to play (3)
  --port N           port of the first page; the others follow on the next ports (3000)
  --sidecar-port N   port of the first sidecar's API; the others follow (7070)
  --help             this text
`;

/** What the command line asks for. @throws Error that says what it wants instead */
export function readOptions(args: readonly string[]): EmbeddedOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      pods: { type: 'string', default: '3' },
      port: { type: 'string', default: '3000' },
      'sidecar-port': { type: 'string', default: '7070' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return 'help';
  const number = (name: 'pods' | 'port' | 'sidecar-port', max: number) => {
    const text = values[name];
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= 1 && value <= max) return value;
    throw new Error(`--${name} is ${JSON.stringify(text)}; it wants a whole number from 1 to ${max}`);
  };
  return {
    pods: number('pods', 20),
    port: number('port', 65_500),
    sidecarPort: number('sidecar-port', 65_500),
  };
}
