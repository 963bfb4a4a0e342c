import { isStatus, type KubeHttp } from '@hyperpage/runtime';
import type { ListOptions } from './objects.ts';
import { apiVersionOf, collectionPath } from './resources.ts';
import type { Kind, Stored } from './wire.ts';

export interface Listed<K extends Kind> {
  items: Stored<K>[];
  /** Where a watch goes on from. */
  resourceVersion: string;
}

interface Page<K extends Kind> {
  metadata: { resourceVersion: string; continue?: string };
  items: Stored<K>[] | null;
}

/** Lists a kind as it is now (not as some cache had it), page by page; all pages show one moment.
 *  @throws KubeError */
export async function listObjects<K extends Kind>(
  http: KubeHttp,
  kind: K,
  options: ListOptions & { pageSize?: number; signal?: AbortSignal | undefined },
): Promise<Listed<K>> {
  const items: Stored<K>[] = [];
  let limit: number | undefined = options.pageSize ?? 500;
  let next: string | undefined;
  for (;;) {
    let page: Page<K>;
    try {
      page = await http.request<Page<K>>({
        method: 'GET',
        path: collectionPath(kind, options.namespace),
        query: { ...selectorsOf(options), limit, continue: next },
        timeoutMs: 60_000,
        ...(options.signal ? { signal: options.signal } : {}),
      });
    } catch (error) {
      // The moment of the first page is compacted away: too slow for pages, so take all at once.
      if (!isStatus(error, 410) || next === undefined) throw error;
      items.length = 0;
      next = limit = undefined;
      continue;
    }
    for (const item of page.items ?? []) items.push(trimmed(kind, item));
    next = page.metadata.continue || undefined;
    if (next === undefined) return { items, resourceVersion: page.metadata.resourceVersion };
  }
}

export const selectorsOf = ({ labelSelector, fieldSelector }: ListOptions) => ({
  labelSelector,
  fieldSelector,
});

/** An object as we keep it: with the apiVersion and kind that lists leave out of their items, and without
 *  `managedFields`, which is often the larger half and which nobody here reads. */
export function trimmed<K extends Kind>(kind: K, object: Stored<K>): Stored<K> {
  delete object.metadata.managedFields;
  object.apiVersion ??= apiVersionOf(kind);
  object.kind ??= kind;
  return object;
}
