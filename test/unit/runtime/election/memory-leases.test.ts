import { createMemoryLeases } from '@hyperpage/runtime';
import { describeLeasePort } from '../../../support/lease-port-suite.ts';

describe('Leases in memory', () => {
  describeLeasePort(async () => {
    const port = createMemoryLeases('missing');
    return { port, name: 'leader', namespace: 'default', remove: async () => port.delete() };
  });
});
