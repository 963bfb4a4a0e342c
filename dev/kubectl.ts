import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';

/** Runs kubectl against one cluster. @throws Error with what kubectl said on standard error. */
export interface Kubectl {
  (args: readonly string[], options?: { input?: string; timeoutMs?: number }): Promise<string>;
  /** The same, with `-o json`, parsed. */
  json<T>(args: readonly string[]): Promise<T>;
  /** Starts it and gives the process, for what goes on for a while (port-forward, a stream). */
  start(args: readonly string[]): ChildProcessByStdio<null, Readable, Readable>;
}

/** Without a kubeconfig it takes kubectl's own default; without a context the one that is current there. */
export function createKubectl(program: string, kubeconfig?: string, context?: string): Kubectl {
  const where = [
    ...(kubeconfig ? ['--kubeconfig', kubeconfig] : []),
    ...(context ? ['--context', context] : []),
  ];
  const call: (...parameters: Parameters<Kubectl>) => Promise<string> = (args, options = {}) =>
    new Promise((resolve, reject) => {
      const child = execFile(
        program,
        [...where, ...args],
        { maxBuffer: 64 * 1024 * 1024, timeout: options.timeoutMs ?? 60_000 },
        (error, stdout, stderr) => {
          if (error)
            reject(
              new Error(`kubectl ${args.slice(0, 5).join(' ')}: ${stderr.trim() || error.message}`, {
                cause: error,
              }),
            );
          else resolve(stdout);
        },
      );
      // It may have ended without reading: how it ended says why.
      child.stdin?.on('error', () => {});
      child.stdin?.end(options.input ?? '');
    });
  return Object.assign(call, {
    json: async <T>(args: readonly string[]) => JSON.parse(await call([...args, '-o', 'json'])) as T,
    start: (args: readonly string[]) =>
      spawn(program, [...where, ...args], { stdio: ['ignore', 'pipe', 'pipe'] }),
  });
}
