import type { ContainerTarget } from '../cluster/faults.ts';
import type { Kubectl } from '../kubectl.ts';
import type { ContainerFaults } from './breaker.ts';

/** Breaks containers on any cluster, by `kubectl exec`. `kill -1` signals every process of the container but process 1,
 *  which is the shell that supervises Redis and ends the container when Redis has ended. */
export const kubectlFaults = (kubectl: Kubectl): ContainerFaults => {
  const signal = ({ namespace, pod, container }: ContainerTarget, name: string) =>
    kubectl(['-n', namespace, 'exec', pod, '-c', container, '--', 'sh', '-c', `kill -${name} -1`], {
      timeoutMs: 10_000,
    });
  return {
    async killContainer(target) {
      // The exec dies with the rest: its exit code says nothing. Nobody there to signal is told of.
      await signal(target, 'KILL').catch((error: Error) => {
        if (/not found|NotFound/.test(error.message)) throw error;
      });
    },
    async pauseContainer(target) {
      await signal(target, 'STOP');
    },
    async resumeContainer(target) {
      await signal(target, 'CONT');
    },
  };
};
