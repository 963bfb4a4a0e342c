#!/usr/bin/env node
/** `hyperpage-migrate`. */
import { addAbortSignal } from 'node:stream';
import { runMigration } from './run.ts';

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

const { stdin, stdout, stderr } = process;
addAbortSignal(stop.signal, stdin);
process.exitCode = await runMigration(process.argv.slice(2), {
  stdin,
  out: (text) => stdout.write(text),
  err: (text) => stderr.write(text),
  isTerminal: stderr.isTTY,
  nowMs: () => performance.now(),
  signal: stop.signal,
});
