import type { Writable } from 'node:stream';

/** Has what is written to a stream in one turn of the event loop leave as one write: a system call costs more than a
 *  command. ioredis's automatic pipelines do the same at twice the CPU of a command, and each waits for the one before
 *  it. `stream`: the one in use; a connection that is made anew has another. To be called before each write. */
export function gatherWrites(stream: () => Writable | undefined): () => void {
  let gathering = false;
  return () => {
    if (gathering) return;
    const corked = stream();
    if (!corked) return;
    gathering = true;
    corked.cork();
    setImmediate(() => {
      gathering = false;
      corked.uncork();
    });
  };
}
