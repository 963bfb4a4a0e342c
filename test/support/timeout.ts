import { jest } from '@jest/globals';

// The guard of this tier against a hang, from jest.config.js.
jest.setTimeout((globalThis as unknown as { TEST_TIMEOUT_MS: number }).TEST_TIMEOUT_MS);
