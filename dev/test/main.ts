/** `make test`: runs every tier that this machine can run, and ends with `N passed, N failed` (and `, N skipped`).
 *  A tier that cannot run says so and counts as skipped; in CI (CI=true) it counts as failed. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run, seconds } from '../command.ts';
import { TIERS, type Tier } from './tiers.ts';

const USAGE = `Usage: node dev/test/main.ts [TIER …] [-- JEST-ARGUMENT …]
Tiers, in the order they run:
${TIERS.map(({ name, needs }) => `  ${name.padEnd(10)} needs ${needs}`).join('\n')}`;

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

/** What jest writes with --json, as far as we read it. */
interface JestReport {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  numRuntimeErrorTestSuites: number;
}

async function runTier(tier: Tier, jestArgs: readonly string[], scratch: string): Promise<Count> {
  const reportFile = join(scratch, `${tier.name}.json`);
  if (tier.binaries) {
    const built = await run(process.execPath, ['dev/cluster/main.ts', 'binaries', ...tier.binaries], {
      live: true,
    });
    if (built.code !== 0) return { passed: 0, failed: 1, skipped: 0 };
  }
  const { code, elapsedMs } = await run(
    process.execPath,
    [
      '--experimental-vm-modules',
      '--disable-warning=ExperimentalWarning',
      'node_modules/jest/bin/jest.js',
      '--selectProjects',
      tier.name,
      '--json',
      `--outputFile=${reportFile}`,
      '--forceExit',
      ...(tier.name === 'unit' ? [] : ['--runInBand', '--verbose']),
      ...jestArgs,
    ],
    { live: true },
  );
  console.log(`-- ${tier.name}: ${seconds(elapsedMs)}`);
  return countOf(reportFile, code);
}

function countOf(reportFile: string, code: number): Count {
  let report: JestReport;
  try {
    report = JSON.parse(readFileSync(reportFile, 'utf8')) as JestReport;
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const failed = report.numFailedTests + report.numRuntimeErrorTestSuites;
  return {
    passed: report.numPassedTests,
    // A tier that ran no test, or that failed outside of its tests, has failed.
    failed: failed === 0 && (code !== 0 || report.numPassedTests === 0) ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

async function main(argv: readonly string[]): Promise<number> {
  const dashes = argv.indexOf('--');
  const wanted = dashes === -1 ? argv : argv.slice(0, dashes);
  const jestArgs = dashes === -1 ? [] : argv.slice(dashes + 1);
  if (wanted.includes('--help') || wanted.includes('-h')) {
    console.log(USAGE);
    return 0;
  }
  const unknown = wanted.filter((name) => !TIERS.some((tier) => tier.name === name));
  if (unknown.length > 0) {
    console.error(`no such tier: ${unknown.join(', ')}\n${USAGE}`);
    return 2;
  }
  const mustRun = process.env['CI'] === 'true';
  const total: Count = { passed: 0, failed: 0, skipped: 0 };
  const summary: string[] = [];
  const scratch = mkdtempSync(join(tmpdir(), 'hyperpage-test-'));
  for (const tier of TIERS.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
    const missing = tier.missing();
    console.log(`\n== ${tier.name}`);
    if (missing !== undefined) {
      console.log(`!! ${tier.name} CANNOT RUN: ${missing}`);
      total[mustRun ? 'failed' : 'skipped'] += 1;
      summary.push(`${tier.name}: ${mustRun ? 'FAILED' : 'SKIPPED'}, ${missing}`);
      continue;
    }
    const count = await runTier(tier, jestArgs, scratch);
    for (const key of ['passed', 'failed', 'skipped'] as const) total[key] += count[key];
    summary.push(`${tier.name}: ${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
  }
  rmSync(scratch, { recursive: true, force: true });
  console.log(`\n${summary.map((line) => `   ${line}`).join('\n')}`);
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
  console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
  return total.failed === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
