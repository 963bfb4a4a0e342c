import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { Api } from './api.ts';
import { until } from './wait.ts';

const ADDONS_FOLDER = join(import.meta.dirname, '..', 'addons');

interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
}

/** Applies `addons/<name>.yaml` with its `${…}` filled in, as server-side apply, so that it may be done again. */
export async function applyAddon(
  api: Api,
  name: string,
  values: Readonly<Record<string, string>>,
): Promise<void> {
  const text = await readFile(join(ADDONS_FOLDER, `${name}.yaml`), 'utf8');
  const manifests = parseAllDocuments(fill(text, values)).map((document) => document.toJS() as Manifest);
  await Promise.all(manifests.map((manifest) => applyManifest(api, manifest)));
}

/** @throws Error when a name between `${` and `}` has no value. */
export const fill = (text: string, values: Readonly<Record<string, string>>): string =>
  text.replaceAll(/\$\{([\w-]+)\}/g, (_, key: string) => {
    const value = values[key];
    if (value === undefined) throw new Error(`the manifest wants a value for ${key}`);
    return value;
  });

async function applyManifest(api: Api, manifest: Manifest): Promise<void> {
  const path = `${resourcePath(manifest)}?fieldManager=hyperpage-cluster&force=true`;
  // Just after its start the API server may not know the namespace, the group or its own roles yet.
  await until(`${manifest.kind} ${manifest.metadata.name} to be accepted`, async () => {
    const answer = await api
      .call('PATCH', path, manifest, 'application/apply-patch+yaml')
      .catch(() => undefined);
    if (!answer || [403, 404, 429, 500, 503].includes(answer.status)) return false;
    if (answer.status >= 300) throw new Error(`${manifest.kind} ${manifest.metadata.name}: ${answer.body}`);
    return true;
  });
}

/** Where the API server keeps such an object: the kinds used here all have regular plurals. */
export function resourcePath({ apiVersion, kind, metadata }: Manifest): string {
  const plural = kind.toLowerCase().replace(/s$/, 'se').concat('s');
  const namespace = metadata.namespace ? `/namespaces/${metadata.namespace}` : '';
  const prefix = apiVersion.includes('/') ? '/apis' : '/api';
  return `${prefix}/${apiVersion}${namespace}/${plural}/${metadata.name}`;
}
