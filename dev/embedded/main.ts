import { createInterface } from 'node:readline';
import { HELP, readOptions } from './options.ts';
import { type EmbeddedPod, type EmbeddedPods, startPods } from './pods.ts';

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

function greeting(pods: EmbeddedPod[]): string {
  const [first, second = first] = pods;
  const seconds = (performance.now() / 1000).toFixed(1);
  const width = Math.max(...pods.map(({ podId }) => podId.length));
  const rows = pods.map(
    ({ podId, pageUrl, sidecarUrl }) => `  ${podId.padEnd(width)}   page ${pageUrl}   sidecar ${sidecarUrl}`,
  );
  return `
${pods.length} pods in one process, ready after ${seconds} s:

${rows.join('\n')}

Try this:
  open ${first?.pageUrl} and ${second?.pageUrl} side by side, send a message, change the theme
  curl ${first?.sidecarUrl}/v1/leader
  curl ${first?.sidecarUrl}/v1/members
  curl -H 'Content-Type: application/json' -d '{"type":"broadcast","payload":{"text":"hello"}}' ${second?.sidecarUrl}/v1/messages
${process.stdin.isTTY ? '  type stop 0 to stop the first pod, and see who leads next\n' : ''}
Ctrl-C ends it.
`;
}

/** `stop N` on the terminal stops one pod. */
async function takeOrders(pods: EmbeddedPod[]): Promise<void> {
  if (!process.stdin.isTTY) return;
  for await (const line of createInterface(process.stdin)) {
    const order = /^\s*stop\s+(\d+)\s*$/.exec(line);
    const pod = pods[Number(order?.[1])];
    if (pod === undefined) {
      console.log(`Say stop and a number from 0 to ${String(pods.length - 1)}, such as: stop 0`);
      continue;
    }
    await pod.stop();
    console.log(`${pod.podId} has stopped.`);
  }
}

function stopOnSignal(running: EmbeddedPods): void {
  let askedAt: number | undefined;
  const stop = async () => {
    if (askedAt !== undefined) {
      // npm passes Ctrl-C on although the terminal sent it to us too; a second one later means it.
      if (performance.now() - askedAt > 500) process.exit(130);
      return;
    }
    askedAt = performance.now();
    await running.stop();
    process.exit(0);
  };
  process.on('SIGINT', () => void stop());
  process.on('SIGTERM', () => void stop());
}

/** Gives the exit code when it is over, or nothing while it runs. */
async function main(args: readonly string[]): Promise<number | undefined> {
  let options: ReturnType<typeof readOptions>;
  try {
    options = readOptions(args);
  } catch (error) {
    console.error(`${messageOf(error)}\n\n${HELP}`);
    return 2;
  }
  if (options === 'help') {
    console.log(HELP);
    return 0;
  }
  try {
    const running = await startPods({ ...options, onError: (error) => console.error(messageOf(error)) });
    stopOnSignal(running);
    console.log(greeting(running.pods));
    void takeOrders(running.pods);
    return undefined;
  } catch (error) {
    console.error(messageOf(error));
    console.error(
      'If a port is taken, perhaps by another npm run dev, choose others: --port, --sidecar-port.',
    );
    return 1;
  }
}

const exitCode = await main(process.argv.slice(2));
if (exitCode !== undefined) process.exit(exitCode);
