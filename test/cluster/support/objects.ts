import type { Ground } from './ground.ts';

/** Every object of a namespace by kind and name, with all that matters of it as text. */
export type Objects = ReadonlyMap<string, string>;

type AnyObject = {
  kind: string;
  metadata: { name: string; uid: string; resourceVersion: string; managedFields?: unknown };
  status?: unknown;
};

/** Kinds that are written all the time by right: the election of leaders, Events, and figures that are made as one asks. */
const RESTLESS = /^(leases\.|events|pods\.metrics)/;

/** Lists all of it. Objects are told by their resourceVersion: whatever is written makes a new one. */
export async function objectsOf({ kubectl }: Pick<Ground, 'kubectl'>, namespace: string): Promise<Objects> {
  const kinds = await kubectl(['api-resources', '--verbs=list', '--namespaced', '-o', 'name']);
  const wanted = kinds.split('\n').filter((kind) => kind !== '' && !RESTLESS.test(kind));
  const { items } = await kubectl.json<{ items: AnyObject[] }>(['-n', namespace, 'get', wanted.join(',')]);
  return new Map(items.map((item) => [`${item.kind}/${item.metadata.name}`, versionOf(item)]));
}

function versionOf(item: AnyObject): string {
  const { resourceVersion, managedFields: _, ...metadata } = item.metadata;
  if (item.kind !== 'HorizontalPodAutoscaler') return `${metadata.uid} ${resourceVersion}`;
  // Its controller writes each CPU figure into its status.
  const { status: _status, ...rest } = item;
  return JSON.stringify({ ...rest, metadata });
}

/** What differs, by kind and name. */
export const changedObjects = (before: Objects, after: Objects): string[] =>
  [...new Set([...before.keys(), ...after.keys()])].filter((key) => before.get(key) !== after.get(key));
