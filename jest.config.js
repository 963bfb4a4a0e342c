// One project per tier, by what real thing its tests need (see docs/ARCHITECTURE.md, "Tests").
// Timings live in benchmarks: a tier's timeout is only a guard against a hang.
const tier = (name, timeoutMs, more = {}) => ({
  displayName: name,
  rootDir: import.meta.dirname,
  roots: [`<rootDir>/test/${name}`],
  testMatch: ['**/*.test.ts', '**/*.test.tsx'],
  // jest takes `testTimeout` for all projects together only; the set-up file sets each tier's.
  globals: { TEST_TIMEOUT_MS: timeoutMs },
  setupFilesAfterEnv: ['<rootDir>/test/support/timeout.ts'],
  extensionsToTreatAsEsm: ['.ts', '.tsx'],
  transform: {
    '\\.tsx?$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript', tsx: true },
          target: 'es2024',
          transform: { react: { runtime: 'automatic' } },
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  ...more,
});

export default {
  projects: [
    tier('unit', 10_000),
    tier('redis', 60_000),
    tier('apiserver', 120_000, {
      // One API server for all files of the tier.
      globalSetup: '<rootDir>/test/support/apiserver-setup.ts',
      globalTeardown: '<rootDir>/test/support/apiserver-teardown.ts',
    }),
    tier('cluster', 600_000),
    tier('browser', 180_000),
  ],
};
