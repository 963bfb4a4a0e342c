/** `make verify`: what must be clean before a commit. Shows a line a check, and the output of those that failed. */
import { run, seconds } from '../command.ts';

interface Check {
  name: string;
  fix: string;
  command: readonly [string, ...string[]];
}

/** Each lane runs its checks one after the other; the lanes run side by side, as the unit tests take the longest. */
const LANES: ReadonlyArray<readonly Check[]> = [
  [{ name: 'unit tests', fix: 'mend what it names', command: ['npm', 'run', '-s', 'test:unit'] }],
  [
    { name: 'format', fix: 'make format', command: ['npm', 'run', '-s', 'format:check'] },
    { name: 'types', fix: 'mend what it names', command: ['npm', 'run', '-s', 'types'] },
    { name: 'lint', fix: 'mend what it names', command: ['npm', 'run', '-s', 'lint'] },
    { name: 'generated files', fix: 'make generate', command: ['node', 'dev/generate/main.ts', '--check'] },
  ],
];

/** Whether it passed. */
async function check({ name, fix, command: [program, ...args] }: Check): Promise<boolean> {
  const { code, output, elapsedMs } = await run(program, args);
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name.padEnd(16)} ${seconds(elapsedMs)}`);
  if (code !== 0) console.log(`${output.trimEnd()}\n  ${name}: ${fix}`);
  return code === 0;
}

const results = await Promise.all(
  LANES.map(async (lane) => {
    const passed: boolean[] = [];
    for (const one of lane) passed.push(await check(one));
    return passed;
  }),
);
process.exitCode = results.flat().every(Boolean) ? 0 : 1;
