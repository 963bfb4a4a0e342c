import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { Bench } from '../entry.ts';
import { freePorts } from '../ports.ts';
import { startProgram } from '../program.ts';

/** An Express app with express-session and connect-redis on the same Redis as ours. */
export interface ExpressSession {
  port: number;
  pid: number;
}

/** Starts the app; undefined, after a word, where its packages are not installed. */
export async function startExpressSession(
  bench: Bench,
  redisPort: number,
): Promise<ExpressSession | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'hyperpage-bench-express-'));
  bench.defer(() => rm(folder, { recursive: true, force: true }));
  // One file, as our sidecar is one: Node keeps the compiler that strips types in memory.
  const outfile = join(folder, 'app.cjs');
  try {
    await build({
      entryPoints: [join(import.meta.dirname, 'express-session/app.ts')],
      outfile,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      logLevel: 'silent',
    });
  } catch (error) {
    bench.say(`PEER LEFT OUT: express-session cannot be bundled: ${(error as Error).message.slice(0, 300)}`);
    return undefined;
  }
  const [port] = (await freePorts(1)) as [number];
  const redisUrl = `redis://127.0.0.1:${redisPort}`;
  const app = startProgram(bench, [process.execPath, outfile, `${port}`, redisUrl], {
    env: { NODE_ENV: 'production' },
  });
  await app.line(/^listening$/, 10_000);
  return { port, pid: app.pid };
}

/** Makes a session that holds `updates` and gives its cookie. @throws Error when the app refuses. */
export async function createExpressSession({ port }: ExpressSession, updates: object): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${port}/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ updates }),
  });
  await answer.arrayBuffer();
  const cookie = answer.headers.getSetCookie()[0]?.split(';')[0];
  if (!answer.ok || cookie === undefined) throw new Error(`express-session: status ${answer.status}`);
  return cookie;
}
