import { execFile } from 'node:child_process';

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Written to the command's standard input. */
  input?: string;
  timeoutMs?: number;
}

/** Runs a program without a shell and gives its standard output.
 *  @throws Error with the command line and what it wrote to standard error, when it does not exit with 0. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      args,
      {
        cwd: options.cwd,
        env: options.env ?? process.env,
        timeout: options.timeoutMs ?? 0,
        maxBuffer: 64 * 1024 * 1024,
      },
      (error, stdout, stderr) => {
        if (!error) return resolve(stdout);
        const said = (stderr || stdout).trim().split('\n').slice(-15).join('\n');
        reject(
          new Error(`${[program, ...args].join(' ')} failed: ${said || error.message}`, { cause: error }),
        );
      },
    );
    // A program that ends before it has read its input is reported by its exit code, not by EPIPE.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input ?? '');
  });
}

/** Whether the program is there and ends well: for probes such as `docker info`. */
export async function succeeds(program: string, args: readonly string[], options: RunOptions = {}) {
  try {
    await run(program, args, options);
    return true;
  } catch {
    return false;
  }
}
