import { FIELD_MANAGER } from '@hyperpage/contract';
import type { OwnedKind } from './desired/index.ts';
import type { Manifest, ObjectClient, ObjectKey } from './kube/index.ts';

/** Corrections of who owns which field (`metadata.managedFields`), where server-side apply alone would do harm. */

interface Entry {
  manager?: string;
  operation?: string;
  subresource?: string;
  fieldsV1?: Record<string, unknown>;
}

/** Gives up our ownership of a Deployment's `replicas`, if we have it. Without this an apply that leaves the field out
 *  removes it, and a Deployment without the field has one pod. */
export async function releaseReplicas(key: ObjectKey, client: ObjectClient): Promise<void> {
  const stored = await client.get('Deployment', key);
  const entries = (stored?.metadata.managedFields ?? []) as Entry[];
  const managedFields = withoutReplicas(entries);
  if (!stored || !managedFields) return;
  const { resourceVersion } = stored.metadata;
  await client.patch('Deployment', key, { metadata: { resourceVersion, managedFields } });
}

/** The entries without our claim to `spec.replicas`, or undefined when we have none. */
export function withoutReplicas(entries: readonly Entry[]): Entry[] | undefined {
  const specOf = (entry: Entry) => entry.fieldsV1?.['f:spec'] as Record<string, unknown> | undefined;
  const claims = (entry: Entry) =>
    entry.manager === FIELD_MANAGER &&
    entry.operation === 'Apply' &&
    specOf(entry)?.['f:replicas'] !== undefined;
  if (!entries.some(claims)) return undefined;
  return entries.map((entry) => {
    if (!claims(entry)) return entry;
    const { 'f:replicas': _, ...spec } = specOf(entry) ?? {};
    return { ...entry, fieldsV1: { ...entry.fieldsV1, 'f:spec': spec } };
  });
}

/** Writes every list of `manifest` as a whole. The write makes us owner a second time, as an updater, and what an
 *  updater owns a later apply cannot take out: that claim is given up at once. */
export async function takeBack(manifest: Manifest<OwnedKind>, client: ObjectClient): Promise<void> {
  const { apiVersion: _, kind, metadata, ...content } = manifest;
  const { resourceVersion, managedFields } = (await client.patch(kind, metadata, content)).metadata;
  const kept = ((managedFields ?? []) as Entry[]).filter(
    ({ manager, operation, subresource }) =>
      manager !== FIELD_MANAGER || operation !== 'Update' || subresource !== undefined,
  );
  await client.patch(kind, metadata, { metadata: { resourceVersion, managedFields: kept } });
}
