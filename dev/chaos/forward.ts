import { createInterface } from 'node:readline';
import type { Kubectl } from '../kubectl.ts';

const FORWARD_TIMEOUT_MS = 8_000;

/** A port of this machine that leads to a port of a pod, through the API server and kubelet. */
export interface Forward {
  port: number;
  onClose(listener: () => void): void;
  close(): void;
}

/** @throws Error when there is no way to the pod. */
export async function openForward(
  { kubectl, namespace, pod }: { kubectl: Kubectl; namespace: string; pod: string },
  port: number,
): Promise<Forward> {
  const child = kubectl.start(['-n', namespace, 'port-forward', `pod/${pod}`, `:${port}`]);
  const close = () => void child.kill('SIGKILL');
  try {
    const local = await new Promise<number>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('port-forward: no answer')), FORWARD_TIMEOUT_MS);
      createInterface(child.stdout).on('line', (line) => {
        const found = /127\.0\.0\.1:(\d+) ->/.exec(line);
        if (found) resolve(Number(found[1]));
      });
      child.stderr.resume();
      child.once('error', reject);
      child.once('close', () => {
        clearTimeout(timer);
        reject(new Error('port-forward ended'));
      });
    });
    return { port: local, onClose: (listener) => void child.once('close', listener), close };
  } catch (error) {
    close();
    throw error;
  }
}
