/** `make verify`: what must be clean before a commit. Shows a line a check, and the output of those that failed. */
import { run, seconds } from '../command.ts';

const CHECKS: ReadonlyArray<{ name: string; fix: string; command: readonly string[] }> = [
  { name: 'format', fix: 'make format', command: ['npm', 'run', '-s', 'format:check'] },
  { name: 'lint', fix: 'mend what it names', command: ['npm', 'run', '-s', 'lint'] },
  { name: 'types', fix: 'mend what it names', command: ['npm', 'run', '-s', 'types'] },
  { name: 'generated files', fix: 'make generate', command: ['node', 'dev/generate/main.ts', '--check'] },
  { name: 'unit tests', fix: 'mend what it names', command: ['npm', 'run', '-s', 'test:unit'] },
];

let failed = 0;
for (const { name, fix, command } of CHECKS) {
  const [program, ...args] = command;
  if (!program) continue;
  const { code, output, elapsedMs } = await run(program, args);
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name.padEnd(16)} ${seconds(elapsedMs)}`);
  if (code !== 0) {
    failed += 1;
    console.log(`${output.trimEnd()}\n  ${name}: ${fix}`);
  }
}
process.exitCode = failed === 0 ? 0 : 1;
