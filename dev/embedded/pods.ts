import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { PodCoordinator } from '@hyperpage/client';
import { createApp } from '@hyperpage/example-app';
import { close, listen } from '@hyperpage/runtime';
import { startEmbedded } from '../../sidecar/src/embedded.ts';
import { bundlePage } from '../images/bundle.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const PUBLIC_DIR = join(ROOT, 'dist/example/public');

export interface EmbeddedPod {
  podId: string;
  /** The example's page. */
  pageUrl: string;
  /** The sidecar's API. */
  sidecarUrl: string;
}

export interface EmbeddedPods {
  pods: EmbeddedPod[];
  stop(): Promise<void>;
}

/** Builds the page and starts `pods` sidecars, each with an instance of the example app. Port 0 means any free one.
 *  @throws Error when a port is taken; nothing is left running then. */
export async function startPods(options: {
  pods: number;
  port: number;
  sidecarPort: number;
  onError: (error: unknown) => void;
}): Promise<EmbeddedPods> {
  await bundlePage(ROOT, PUBLIC_DIR);
  const embedded = await startEmbedded({ count: options.pods, basePort: options.sidecarPort });
  const stops: Array<() => Promise<void>> = [() => embedded.stop()];
  const stop = async () => {
    for (const step of stops.splice(0).reverse()) await step();
  };
  try {
    const pods: EmbeddedPod[] = [];
    for (const [index, { podId, url }] of embedded.sidecars.entries()) {
      const coordinator = new PodCoordinator({ url, onError: options.onError });
      stops.push(async () => coordinator.close());
      const app = createApp({
        pod: podId,
        publicDir: PUBLIC_DIR,
        coordinator,
        sidecarUrl: url,
        onError: options.onError,
      });
      const server: Server = createServer(app);
      const port = await listen(server, options.port === 0 ? 0 : options.port + index, '127.0.0.1');
      stops.push(() => close(server, 100));
      pods.push({ podId, pageUrl: `http://127.0.0.1:${port}`, sidecarUrl: url });
    }
    return { pods, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
