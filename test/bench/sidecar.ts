import { join } from 'node:path';
import { bundleProgram } from '../../dev/images/bundle.ts';
import { nodeImageConfig } from '../../dev/images/node-image.ts';
import type { Bench } from './entry.ts';
import { freePorts } from './ports.ts';
import { type Program, startProgram, until } from './program.ts';

/** Where the checkout is. */
export const ROOT = join(import.meta.dirname, '../..');

const IMAGE = nodeImageConfig('sidecar');
/** How the image runs it: what is measured is what a pod has. */
export const NODE_FLAGS: readonly string[] = (IMAGE.entrypoint ?? []).slice(1, -1);
export const NODE_ENV: Record<string, string> = Object.fromEntries(
  (IMAGE.env ?? [])
    .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)])
    .filter(([name]) => name !== 'PATH'),
);

export interface SidecarUnderTest extends Program {
  podName: string;
  /** Port of the app's API on 127.0.0.1. */
  port: number;
  url: string;
}

export interface SidecarOptions {
  podName: string;
  redisPort: number;
  /** More settings of contract/src/settings.ts. */
  env?: Record<string, string>;
  /** What to run instead of node: a program and arguments that run their last arguments. */
  wrap?: readonly [string, ...string[]];
  nodeFlags?: readonly string[];
}

let bundled: Promise<string> | undefined;

/** The file that the image holds, bundled from the sources as they are, once a run. */
const bundle = (): Promise<string> => {
  bundled ??= bundleProgram('sidecar', ROOT).then(() => join(ROOT, 'dist/sidecar/main.js'));
  return bundled;
};

/** Starts a sidecar as a process of its own, as its image runs it, and waits until it is ready. Without election
 *  unless `env` asks for it: outside of a pod there is no API server. */
export async function startSidecar(bench: Bench, options: SidecarOptions): Promise<SidecarUnderTest> {
  const [port, podPort] = (await freePorts(2)) as [number, number];
  const node = [process.execPath, ...NODE_FLAGS, ...(options.nodeFlags ?? []), await bundle()] as const;
  const sidecar = startProgram(bench, options.wrap ? [...options.wrap, ...node] : [...node], {
    env: {
      ...NODE_ENV,
      HYPERPAGE_PORT: `${port}`,
      HYPERPAGE_POD_PORT: `${podPort}`,
      HYPERPAGE_POD_NAME: options.podName,
      HYPERPAGE_POD_IP: '127.0.0.1',
      HYPERPAGE_ELECTION_ENABLED: 'false',
      HYPERPAGE_LOG_LEVEL: 'warn',
      REDIS_URL: `redis://127.0.0.1:${options.redisPort}`,
      ...options.env,
    },
  });
  const url = `http://127.0.0.1:${port}`;
  await until(
    `sidecar ${options.podName} ready`,
    async () => {
      if (sidecar.hasEnded())
        throw new Error(`sidecar ${options.podName} ended at the start; ${sidecar.said()}`);
      const answer = await fetch(`${url}/readyz`).catch(() => undefined);
      await answer?.arrayBuffer();
      return answer?.ok || undefined;
    },
    { timeoutMs: 20_000 },
  );
  return { ...sidecar, podName: options.podName, port, url };
}
