import { type Condition, type HyperpageCluster, LABELS } from '@hyperpage/contract';
import { Watch } from '../support/watch.ts';

interface Pod {
  metadata: { name: string; uid: string; deletionTimestamp?: string; labels?: Record<string, string> };
}

/** A Redis pod that was deleted, and who was the primary then by the status. */
export interface Deletion {
  pod: string;
  primary: string | undefined;
}

type Entry = { kind: 'condition'; condition: Condition } | ({ kind: 'deletion' } & Deletion);

/** What the API server shows of one HyperpageCluster while a change is made, in the order it came. */
export class Journal {
  readonly #entries: Entry[] = [];
  readonly #clusters: Watch<HyperpageCluster>;
  readonly #pods: Watch<Pod>;
  readonly #name: string;
  readonly #deleted = new Set<string>();
  readonly #last = new Map<string, string>();

  constructor(kubectl: readonly string[], namespace: string, name: string) {
    this.#name = name;
    this.#clusters = new Watch(kubectl, namespace, 'hyperpageclusters', () => this.#look());
    this.#pods = new Watch(kubectl, namespace, 'pods', () => this.#lookAtPods());
  }

  close(): void {
    this.#clusters.close();
    this.#pods.close();
  }

  /** Where it stands now. */
  get mark(): number {
    return this.#entries.length;
  }

  /** What a condition has been since `mark`, each change once. */
  conditions(type: string, mark: number): Condition[] {
    return this.#entries
      .slice(mark)
      .flatMap((entry) =>
        entry.kind === 'condition' && entry.condition.type === type ? [entry.condition] : [],
      );
  }

  /** The Redis pods that were deleted since `mark`, in this order. */
  deletions(mark: number): Deletion[] {
    return this.#entries
      .slice(mark)
      .flatMap((entry) => (entry.kind === 'deletion' ? [{ pod: entry.pod, primary: entry.primary }] : []));
  }

  #look(): void {
    const cluster = this.#clusters.objects.get(this.#name);
    for (const condition of cluster?.status?.conditions ?? []) {
      const text = JSON.stringify([condition.status, condition.reason, condition.message]);
      if (this.#last.get(condition.type) === text) continue;
      this.#last.set(condition.type, text);
      this.#entries.push({ kind: 'condition', condition });
    }
  }

  #lookAtPods(): void {
    for (const { metadata } of this.#pods.objects.values()) {
      if (metadata.labels?.[LABELS.component] !== 'redis') continue;
      if (!metadata.deletionTimestamp || this.#deleted.has(metadata.uid)) continue;
      this.#deleted.add(metadata.uid);
      const primary = this.#clusters.objects.get(this.#name)?.status?.redis?.primary;
      this.#entries.push({ kind: 'deletion', pod: metadata.name, primary });
    }
  }
}
