import type { LeaderView } from '@hyperpage/contract';
import { openForward } from '../../../dev/chaos/forward.ts';
import type { Kubectl } from '../../../dev/kubectl.ts';

/** A time in which an app believed that its pod leads, on the clock that all pods of this machine share. */
export interface Reign {
  pod: string;
  term: LeaderView['term'];
  fromMs: number;
  untilMs: number;
}

const PORT = 4017;

/** Runs beside the app for as long as the container lives: asks the sidecar again and again and keeps when it was told that
 *  it may lead, each answer counted from when it was asked for. */
const RECORDER = `
const http = require('node:http');
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const reigns = [];
const ask = () => {
  const sentMs = Date.now();
  const request = http.get(process.env.HYPERPAGE_URL + '/v1/leader', { agent, timeout: 1000 }, (answer) => {
    let text = '';
    answer.on('data', (part) => (text += part));
    // An answer that broke off is none.
    answer.on('close', () => setTimeout(ask, 10));
    answer.on('end', () => {
      const { isLeader, term, validForMs } = JSON.parse(text);
      const last = reigns.at(-1);
      const untilMs = sentMs + validForMs;
      if (isLeader && last?.term === term && last.untilMs >= sentMs) last.untilMs = Math.max(last.untilMs, untilMs);
      else if (isLeader && untilMs > Date.now()) reigns.push({ term, fromMs: Date.now(), untilMs });
      if (!isLeader && last?.untilMs > sentMs) last.untilMs = sentMs;
    });
  });
  request.on('timeout', () => request.destroy());
  request.on('error', () => request.res ?? setTimeout(ask, 10));
};
ask();
http.createServer((_, answer) => answer.end(JSON.stringify({ nowMs: Date.now(), reigns }))).listen(${PORT}, '127.0.0.1');
`;

const LAUNCHER = `
require('node:child_process')
  .spawn(process.execPath, ['--max-old-space-size=32', '-e', ${JSON.stringify(RECORDER)}], { detached: true, stdio: 'ignore' })
  .unref();
`;

/** Starts recording in the pod. Once per pod. */
export async function record(kubectl: Kubectl, namespace: string, pod: string): Promise<void> {
  await kubectl(['-n', namespace, 'exec', '-i', pod, '-c', 'app', '--', 'node', '-'], { input: LAUNCHER });
}

/** What was recorded there. @throws Error when nothing records there, or there is no way to the pod. */
export async function reignsOf(kubectl: Kubectl, namespace: string, pod: string): Promise<Reign[]> {
  const forward = await openForward({ kubectl, namespace, pod }, PORT);
  try {
    const answer = await fetch(`http://127.0.0.1:${forward.port}`);
    const { reigns } = (await answer.json()) as { reigns: Array<Omit<Reign, 'pod'>> };
    return reigns.map((reign) => ({ ...reign, pod }));
  } finally {
    forward.close();
  }
}

/** Reigns of two pods at the same time, for more than the clocks of this machine's processes are read apart. */
export function overlaps(reigns: readonly Reign[]): string[] {
  const sorted = [...reigns].sort((a, b) => a.fromMs - b.fromMs);
  return sorted.flatMap((one, i) =>
    sorted
      .slice(i + 1)
      .filter((other) => other.pod !== one.pod && other.fromMs < one.untilMs - 1)
      .map(
        (other) =>
          `${one.pod} (term ${one.term}) until ${one.untilMs}, ${other.pod} (term ${other.term}) from ${other.fromMs}`,
      ),
  );
}
