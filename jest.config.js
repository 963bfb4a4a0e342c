// One project per tier, by what real thing its tests need (see docs/ARCHITECTURE.md, "Tests").
// Timings live in benchmarks: a tier's timeout is only a guard against a hang.
const tier = (name, timeoutMs) => ({
  displayName: name,
  rootDir: import.meta.dirname,
  roots: [`<rootDir>/test/${name}`],
  testMatch: ['**/*.test.ts', '**/*.test.tsx'],
  testTimeout: timeoutMs,
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
});

export default {
  projects: [
    tier('unit', 10_000),
    tier('redis', 60_000),
    tier('apiserver', 120_000),
    tier('cluster', 600_000),
    tier('browser', 180_000),
  ],
};
