/** Where progress lines go, and the time they are measured by; passed in so that tests can read them. */
export interface ProgressOptions {
  write: (text: string) => void;
  colour: boolean;
  nowMs: () => number;
}

/** Lines that tell a waiting person what is being done and how long it took. */
export interface Progress {
  /** Runs `work` and prints one line with its elapsed time at the end; a long step also says when it begins to take
   *  time, and then now and again that it is still at it. Steps may run side by side. */
  step<T>(title: string, work: () => Promise<T>): Promise<T>;
  /** A line of its own. */
  say(text: string): void;
  /** Since this progress began, in words: `12.3 s`. */
  elapsed(): string;
}

const ANNOUNCE_AFTER_MS = 2_000;
const REMIND_EVERY_MS = 30_000;

/** A progress that writes to standard output, with colours when a person looks at it. */
export const terminalProgress = (): Progress =>
  createProgress({
    write: (text) => process.stdout.write(text),
    colour: process.stdout.isTTY && !process.env['NO_COLOR'],
    nowMs: () => performance.now(),
  });

export function createProgress({ write, colour, nowMs }: ProgressOptions): Progress {
  const begunMs = nowMs();
  const paint = (code: number, text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  const line = (mark: string, title: string, ms: number) =>
    write(`  ${mark} ${title} ${paint(2, `(${inWords(ms)})`)}\n`);

  return {
    async step(title, work) {
      const startedMs = nowMs();
      const remind = () => line(paint(33, '…'), title, nowMs() - startedMs);
      const announce = setTimeout(remind, ANNOUNCE_AFTER_MS);
      const reminder = setInterval(remind, REMIND_EVERY_MS);
      try {
        const result = await work();
        line(paint(32, '✓'), title, nowMs() - startedMs);
        return result;
      } catch (error) {
        line(paint(31, '✗'), title, nowMs() - startedMs);
        throw error;
      } finally {
        clearTimeout(announce);
        clearInterval(reminder);
      }
    },
    say: (text) => write(`${text}\n`),
    elapsed: () => inWords(nowMs() - begunMs),
  };
}

/** `0.4 s`, `12.3 s`, `4 min 05 s`. */
export function inWords(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
}
