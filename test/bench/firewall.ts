import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Bench } from './entry.ts';
import { isOnPath } from './program.ts';

/** Whom to cut off. */
export interface Outcast {
  /** Its process runs under this group id, which is nobody else's. */
  groupId: number;
  /** Where others reach it. */
  address: string;
  podPort: number;
  /** A port of its own on 127.0.0.1 that answers on: its app's. */
  openPort: number;
}

/** Cuts processes of this machine off: what they send and what is sent to them is dropped, as on a network that broke. */
export interface Firewall {
  /** Resolves when nothing passes any more. */
  cut(one: Outcast): Promise<void>;
  heal(): Promise<void>;
}

/** A firewall of the kernel's own, in a table that goes with the process that owns it (nft, `flags owner`): nothing of it
 *  stays, however the bench ends. Undefined where there is none for us: nft is missing, or this user may not. */
export async function startFirewall(bench: Bench): Promise<Firewall | undefined> {
  if (!(await isOnPath('nft'))) return undefined;
  const table = `inet hyperpage_bench_${randomBytes(4).toString('hex')}`;
  const nft = spawn('setpriv', ['--pdeathsig', 'KILL', '--', 'nft', '-i'], { stdio: 'pipe' });
  bench.defer(() => void nft.kill('SIGKILL'));
  nft.stdin.on('error', () => {});
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  nft.stderr.on('data', (text) => failed.reject(new Error(`nft refuses: ${String(text).trim()}`)));
  nft.once('error', failed.reject);
  nft.once('exit', () => failed.reject(new Error('nft ended')));
  /** Listing comes last and is an answer: what stands before it is done. */
  const run = async (...commands: string[]) => {
    const answer = once(nft.stdout, 'data');
    nft.stdin.write([...commands, `list table ${table}`, ''].join('\n'));
    await Promise.race([answer, failed.promise]);
  };
  try {
    await run(
      `add table ${table} { flags owner; }`,
      `add chain ${table} out { type filter hook output priority 0; }`,
      `add chain ${table} in { type filter hook input priority 0; }`,
    );
  } catch (error) {
    bench.say(`nobody is cut off: ${(error as Error).message}`);
    return undefined;
  }
  return {
    cut: ({ groupId, address, podPort, openPort }) =>
      run(
        `add rule ${table} out meta skgid ${groupId} tcp sport != ${openPort} drop`,
        `add rule ${table} in ip daddr ${address} tcp dport ${podPort} drop`,
      ),
    heal: () => run(`flush chain ${table} out`, `flush chain ${table} in`),
  };
}
