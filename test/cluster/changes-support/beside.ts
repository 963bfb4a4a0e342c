import type { Scene } from './scene.ts';

let before: Promise<unknown> = Promise.resolve();

/** A test for `test.concurrent`: these run beside the tests of the file's own cluster, and one after another, as a machine
 *  with two cores starts no more pods at once. */
export const inTurn =
  <Args extends unknown[]>(act: (...args: Args) => Promise<void>) =>
  (...args: Args): Promise<void> => {
    const mine = before.then(() => act(...args));
    before = mine.catch(() => undefined);
    return mine;
  };

/** Makes room for what comes next. */
export async function leave(scene: Scene): Promise<void> {
  scene.close();
  await scene.ground.kubectl(['delete', 'namespace', scene.namespace, '--wait=false']);
}
