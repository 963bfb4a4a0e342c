import type { MigrationTotals } from '../migration/index.ts';

export interface ProgressOptions {
  write: (text: string) => void;
  /** A bar that moves; otherwise a line now and then. */
  isTerminal: boolean;
  nowMs: () => number;
  /** How much is done, from 0 to 1; undefined when nobody can know. */
  fraction: (done: number) => number | undefined;
}

const TERMINAL_EVERY_MS = 100;
const LINE_EVERY_MS = 5000;
const BAR_WIDTH = 30;

/** Shows a waiting person how far it is. */
export class ProgressDisplay {
  readonly #options: ProgressOptions;
  #shownMs = Number.NEGATIVE_INFINITY;
  #isShown = false;

  constructor(options: ProgressOptions) {
    this.#options = options;
    // A run that is over in a moment needs no line.
    if (!options.isTerminal) this.#shownMs = options.nowMs();
  }

  show(totals: MigrationTotals): void {
    const { write, isTerminal, nowMs, fraction } = this.#options;
    const now = nowMs();
    if (now - this.#shownMs < (isTerminal ? TERMINAL_EVERY_MS : LINE_EVERY_MS)) return;
    this.#shownMs = now;
    const text = inWords(totals);
    if (!isTerminal) return write(`${text}\n`);
    this.#isShown = true;
    const part = fraction(doneOf(totals));
    write(`\r\u001b[K${part === undefined ? '' : `${bar(part)} `}${text}`);
  }

  /** Makes room for what is said next. */
  end(): void {
    if (this.#isShown) this.#options.write('\r\u001b[K');
    this.#isShown = false;
  }
}

const bar = (part: number): string => {
  const full = Math.round(Math.min(1, Math.max(0, part)) * BAR_WIDTH);
  return `[${'#'.repeat(full)}${'-'.repeat(BAR_WIDTH - full)}]`;
};

const doneOf = ({ created, existing, valid, invalid }: MigrationTotals) =>
  created + existing + valid + invalid.length;

/** `3 sessions: 2 created, 1 there already`. */
export function inWords(totals: MigrationTotals & { failed?: number }): string {
  const { created, existing, valid, invalid, failed = 0 } = totals;
  const parts: Array<[count: number, what: string]> = [
    [created, 'created'],
    [existing, 'there already'],
    [valid, 'valid'],
    [invalid.length, 'invalid'],
    [failed, 'failed'],
  ];
  const all = doneOf(totals) + failed;
  const said = parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return `${all} ${all === 1 ? 'session' : 'sessions'}${said.length > 0 ? `: ${said.join(', ')}` : ''}`;
}
