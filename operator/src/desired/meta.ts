import { createHash } from 'node:crypto';
import {
  API_VERSION,
  type Component,
  FIELD_MANAGER,
  GROUP,
  type HyperpageCluster,
  KIND,
  LABELS,
  selectorLabels,
} from '@hyperpage/contract';
import type { Manifest, ObjectMeta, OwnerReference } from '../kube/index.ts';

/** Digest of what was last applied: tells that a field was taken out of the desired object, which a comparison of
 *  fields cannot. */
export const DIGEST_ANNOTATION = `${GROUP}/applied-digest`;

/** Labels of every object that the operator makes; the cluster label is how caches and watches find them. */
export const labelsOf = (cluster: HyperpageCluster, component: Component): Record<string, string> => ({
  ...selectorLabels(cluster.metadata.name, component),
  [LABELS.name]: component === 'app' ? 'hyperpage-app' : 'hyperpage-redis',
  [LABELS.instance]: cluster.metadata.name,
  [LABELS.partOf]: 'hyperpage',
  [LABELS.managedBy]: FIELD_MANAGER,
});

/** The owner reference that makes an object ours, and makes it go when the HyperpageCluster goes. */
export const ownerReferenceTo = (cluster: HyperpageCluster): OwnerReference => ({
  apiVersion: API_VERSION,
  kind: KIND,
  name: cluster.metadata.name,
  uid: cluster.metadata.uid,
  controller: true,
  blockOwnerDeletion: true,
});

/** Metadata of an object that the operator makes for `cluster`. */
export const metadataOf = (
  cluster: HyperpageCluster,
  name: string,
  component: Component,
): ObjectMeta & { name: string; namespace: string } => ({
  name,
  namespace: cluster.metadata.namespace,
  labels: labelsOf(cluster, component),
  ownerReferences: [ownerReferenceTo(cluster)],
});

/** JSON with keys in order, so that equal values give equal text. */
export const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );

/** `manifest` with the digest of itself in its annotations. */
export function withDigest<M extends Manifest>(manifest: M): M {
  const digest = createHash('sha256').update(canonical(manifest)).digest('hex').slice(0, 32);
  const annotations = { ...manifest.metadata.annotations, [DIGEST_ANNOTATION]: digest };
  return { ...manifest, metadata: { ...manifest.metadata, annotations } };
}
