import { createServer } from 'node:http';
import { join } from 'node:path';
import { PodCoordinator } from '@hyperpage/client';
import { createApp } from '@hyperpage/example-app';
import { close, listen } from '@hyperpage/runtime';
import { type EmbeddedSidecar, startEmbedded } from '../../sidecar/src/embedded.ts';
import { MemoryWorld } from '../../sidecar/src/memory-world.ts';
import { bundlePage } from '../images/bundle.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const PUBLIC_DIR = join(ROOT, 'dist/example/public');

export interface EmbeddedPod {
  podId: string;
  /** The example's page. */
  pageUrl: string;
  /** The sidecar's API. */
  sidecarUrl: string;
  /** Stops the app and then its sidecar, as a pod stops. */
  stop(): Promise<void>;
}

export interface EmbeddedPods {
  pods: EmbeddedPod[];
  /** What they have in Redis's place: it can be taken away and given back. */
  world: MemoryWorld;
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
  const world = new MemoryWorld();
  const embedded = await startEmbedded({ count: options.pods, basePort: options.sidecarPort, world });
  const pods: EmbeddedPod[] = [];
  const stop = async () => {
    await Promise.all(pods.map((pod) => pod.stop()));
    await embedded.stop();
  };
  try {
    for (const [index, sidecar] of embedded.sidecars.entries())
      pods.push(await startPod(sidecar, options.port === 0 ? 0 : options.port + index, options.onError));
    return { pods, world, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startPod(
  sidecar: EmbeddedSidecar,
  port: number,
  onError: (error: unknown) => void,
): Promise<EmbeddedPod> {
  const { podId, url } = sidecar;
  const coordinator = new PodCoordinator({ url, onError });
  const app = createApp({ pod: podId, publicDir: PUBLIC_DIR, coordinator, sidecarUrl: url, onError });
  const server = createServer(app);
  const stop = async () => {
    await close(server, 100);
    coordinator.close();
    await sidecar.stop();
  };
  try {
    const listening = await listen(server, port, '127.0.0.1');
    return { podId, pageUrl: `http://127.0.0.1:${listening}`, sidecarUrl: url, stop };
  } catch (error) {
    coordinator.close();
    throw error;
  }
}
