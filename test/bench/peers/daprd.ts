import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bench } from '../entry.ts';
import { freePorts } from '../ports.ts';
import { isOnPath, startProgram, until } from '../program.ts';
import { goProgram } from './go-program.ts';

/** Dapr's sidecar with its state store on the same Redis as ours. */
export interface Daprd {
  port: number;
  pid: number;
  /** Name of the state store in paths: `/v1.0/state/<store>`. */
  store: string;
}

const STORE = 'bench';

/** Gives the program: the machine's own where it is on PATH, else built once for this user from its Go module, with
 *  the components that Dapr calls stable. undefined, after saying why, when it cannot be had. */
export async function daprdProgram(say: (line: string) => void): Promise<string | undefined> {
  if (await isOnPath('daprd')) return 'daprd';
  const source = join(import.meta.dirname, 'daprd-module');
  const goPackage = 'github.com/dapr/dapr/cmd/daprd';
  return goProgram(
    { name: 'daprd', source, goPackage, tags: 'stablecomponents', takes: 'about five minutes' },
    say,
  );
}

/** Starts daprd; undefined, after a word, where it cannot be had. */
export async function startDaprd(bench: Bench, redisPort: number): Promise<Daprd | undefined> {
  const program = await daprdProgram((line) => bench.say(line));
  if (program === undefined) return undefined;
  const folder = await mkdtemp(join(tmpdir(), 'hyperpage-bench-daprd-'));
  bench.defer(() => rm(folder, { recursive: true, force: true }));
  // JSON is YAML, which is what daprd looks for by the file's name.
  await writeFile(join(folder, 'state.yaml'), JSON.stringify(component(redisPort)));
  const ports = await freePorts(4);
  const [port, grpcPort, internalPort, metricsPort] = ports as [number, number, number, number];
  const options = {
    'app-id': 'bench',
    'resources-path': folder,
    'dapr-http-port': port,
    'dapr-grpc-port': grpcPort,
    'dapr-internal-grpc-port': internalPort,
    'metrics-port': metricsPort,
    'log-level': 'warn',
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  const daprd = startProgram(bench, [program, ...args]);
  await until(
    'daprd ready',
    async () => {
      if (daprd.hasEnded()) throw new Error(`daprd ended at the start; ${daprd.said()}`);
      const answer = await fetch(`http://127.0.0.1:${port}/v1.0/healthz/outbound`).catch(() => undefined);
      return answer?.ok || undefined;
    },
    { timeoutMs: 20_000 },
  );
  return { port, pid: daprd.pid, store: STORE };
}

const component = (redisPort: number) => ({
  apiVersion: 'dapr.io/v1alpha1',
  kind: 'Component',
  metadata: { name: STORE },
  spec: {
    type: 'state.redis',
    version: 'v1',
    metadata: [
      { name: 'redisHost', value: `127.0.0.1:${redisPort}` },
      { name: 'redisPassword', value: '' },
    ],
  },
});
