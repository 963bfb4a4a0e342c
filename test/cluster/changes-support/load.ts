import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { IMAGES } from '@hyperpage/contract';
import { seconds } from '../../../dev/command.ts';
import { progress } from '../support/ground.ts';
import { restrictedPod } from './pods.ts';
import type { Scene } from './scene.ts';

/** What the load met between two checks. */
export interface LoadReport {
  acknowledged: number;
  reads: number;
  /** Answers that say themselves that no Redis stands behind them. */
  unconfirmed: number;
  /** Writes that too few replicas confirmed in time, as the answer said; each was repeated, as it said too. */
  unsure: number;
  /** Reads that gave an older state than was acknowledged, and the right one a moment later. */
  stale: number;
  /** Connections that broke, as they do when an app pod is replaced; each request was sent once more. */
  cut: number;
  /** Requests that failed, in words: the first few, and how many there were. */
  failures: string[];
  failed: number;
  slowestMs: number;
  /** The longest time without an acknowledged write. */
  longestGapMs: number;
  sessions: number;
  /** Sessions that do not hold what was acknowledged. */
  lost: string[];
}

const POD = 'load';
const PACE_MS = 60;
const WRITERS = 3;
const ANSWER_MS = 90_000;

/** Session writes and reads through the app's Service, from a pod of their own. */
export class Load {
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  #errors = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
    this.#lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  }

  /** Begins to write. The app must be ready. */
  static async start({ ground, namespace, name, kubectl }: Scene): Promise<Load> {
    const code = await readFile(join(import.meta.dirname, 'load-agent.ts'), 'utf8');
    const idle = ['node', '-e', 'process.on("SIGTERM", () => process.exit(0)); setInterval(() => {}, 1e6)'];
    await kubectl(['apply', '-f', '-'], restrictedPod({ name: POD, image: IMAGES.example, command: idle }));
    await kubectl(['wait', `pod/${POD}`, '--for=condition=Ready', '--timeout=60s']);
    const [program = '', ...where] = ground.program;
    const parameters = { url: `http://${name}.${namespace}.svc`, writers: WRITERS, paceMs: PACE_MS };
    const node = ['node', '--input-type=module-typescript', '-e', code, JSON.stringify(parameters)];
    return new Load(spawn(program, [...where, '-n', namespace, 'exec', '-i', POD, '--', ...node]));
  }

  /** What happened since the last check. Reads back all that was ever acknowledged. */
  check(what: string): Promise<LoadReport> {
    return this.#ask('check', what);
  }

  /** Writes nothing more, and checks for the last time. */
  rest(what: string): Promise<LoadReport> {
    return this.#ask('rest', what);
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }

  async #ask(word: string, what: string): Promise<LoadReport> {
    const line = await new Promise<string>((resolve, reject) => {
      const broken = () => reject(new Error(`the load ended: ${this.#errors}`));
      const timer = setTimeout(() => reject(new Error('the load does not answer')), ANSWER_MS);
      this.#child.once('close', broken);
      this.#lines.once('line', (text) => {
        clearTimeout(timer);
        this.#child.off('close', broken);
        resolve(text);
      });
      this.#child.stdin?.write(`${word}\n`);
    });
    const report = JSON.parse(line) as LoadReport;
    const {
      acknowledged,
      reads,
      failed,
      cut,
      stale,
      slowestMs,
      longestGapMs,
      unconfirmed,
      unsure,
      sessions,
    } = report;
    progress.say(
      `  ${what}: ${acknowledged} writes acknowledged, ${reads} reads, ${failed} failed, ${cut} cut, ${unsure} repeated, ${unconfirmed} unconfirmed, ${stale} stale; slowest ${seconds(slowestMs)}, longest without a write ${seconds(longestGapMs)}; ${report.lost.length} of ${sessions} sessions lost`,
    );
    return report;
  }
}

/** No request failed and everything acknowledged is there. `cut`: app pods were replaced, which cuts connections. */
export function expectUnharmed(report: LoadReport, options: { cut: boolean } = { cut: false }): void {
  const { failures, lost, cut, acknowledged, unsure } = report;
  expect({ failures, lost }).toEqual({ failures: [], lost: [] });
  // A disk that all nodes share can take a second to sync, which is as long as a write waits for a replica.
  expect(unsure).toBeLessThanOrEqual(Math.max(3, acknowledged / 100));
  if (!options.cut) expect(cut).toBe(0);
  expect(acknowledged).toBeGreaterThan(10);
}
