import type { ApiServer } from './apiserver.ts';

export default async function tearDown(): Promise<void> {
  await (globalThis as { hyperpageApiServer?: ApiServer }).hyperpageApiServer?.stop();
}
