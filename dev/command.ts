import { spawn } from 'node:child_process';

export interface Ran {
  code: number;
  /** Standard output and error, in the order they came. */
  output: string;
  elapsedMs: number;
}

/** Runs a command to its end and keeps its output; `live` shows it while it comes. */
export function run(
  command: string,
  args: readonly string[],
  options: { live?: boolean; env?: Record<string, string>; cwd?: string } = {},
): Promise<Ran> {
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (chunk: string) => {
        output += chunk;
        if (options.live) process.stdout.write(chunk);
      });
    }
    child.once('error', reject);
    child.once('close', (code) =>
      resolve({ code: code ?? 1, output, elapsedMs: performance.now() - startedAt }),
    );
  });
}

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
