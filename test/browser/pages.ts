import { type EmbeddedPods, startPods } from '../../dev/embedded/pods.ts';

export interface Pages {
  /** One page for each pod, two at least. */
  urls: string[];
  stop(): Promise<void>;
}

/** The pages to test: those of HYPERPAGE_PAGES (URLs with commas between them, of pods of one real cluster), or three
 *  embedded pods. */
export async function openPages(env: NodeJS.ProcessEnv = process.env): Promise<Pages> {
  const given = (env['HYPERPAGE_PAGES'] ?? '').split(',').filter((url) => url !== '');
  if (given.length === 1)
    throw new Error(
      'HYPERPAGE_PAGES names one page; the tests want two at least, on two pods of one cluster',
    );
  if (given.length > 1) return { urls: given.map((url) => url.replace(/\/$/, '')), stop: async () => {} };
  const running: EmbeddedPods = await startPods({ pods: 3, port: 0, sidecarPort: 0, onError: () => {} });
  return { urls: running.pods.map(({ pageUrl }) => pageUrl), stop: () => running.stop() };
}
