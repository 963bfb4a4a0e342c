import type { Scene } from './scene.ts';

const begin = Promise.withResolvers<void>();
let before: Promise<unknown> = begin.promise;

/** A test that runs beside the others of its file from when `startBeside` is called; its name is told when its turn
 *  comes. These run one after another, as a machine with two cores starts no more pods at once. (jest's own
 *  `test.concurrent` runs nothing beside tests that are not concurrent.) */
export function beside<Args extends unknown[]>(
  act: (...args: Args) => Promise<void>,
  ...args: Args
): () => Promise<void> {
  const mine = before.then(() => act(...args));
  before = mine.catch(() => undefined);
  return () => mine;
}

/** Has them run: everything that they share is there. */
export const startBeside = (): void => begin.resolve();

/** Makes room for what comes next. */
export async function leave(scene: Scene): Promise<void> {
  scene.close();
  await scene.ground.kubectl(['delete', 'namespace', scene.namespace, '--wait=false']);
}
