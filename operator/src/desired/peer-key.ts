import { basename, dirname } from 'node:path/posix';
import { type HyperpageCluster, namesOf, PEER_KEY_FILE } from '@hyperpage/contract';
import type { Manifest } from '../kube/index.ts';
import { metadataOf } from './meta.ts';

type PodSpec = NonNullable<NonNullable<Manifest<'Deployment'>['spec']>['template']['spec']>;
type Volume = NonNullable<PodSpec['volumes']>[number];
type VolumeMount = NonNullable<PodSpec['containers'][number]['volumeMounts']>[number];

const PEERS_VOLUME = 'hyperpage-peers';
const KEY = basename(PEER_KEY_FILE);

/** The Secret with the key that sidecars of one cluster prove themselves with. It is created once and never applied: a
 *  sidecar with another key than its peers is alone until kubelet has updated every mount. */
export const peerKeySecret = (cluster: HyperpageCluster, key: string): Manifest<'Secret'> => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: metadataOf(cluster, namesOf(cluster.metadata.name).peers, 'app'),
  type: 'Opaque',
  data: { [KEY]: Buffer.from(key, 'utf8').toString('base64') },
});

/** The key as a volume. Mounted only in sidecars: who has it may read and write sessions. */
export const peerKeyVolume = (cluster: HyperpageCluster): Volume => ({
  name: PEERS_VOLUME,
  secret: {
    secretName: namesOf(cluster.metadata.name).peers,
    defaultMode: 0o444,
    items: [{ key: KEY, path: KEY }],
  },
});

export const peerKeyMount: VolumeMount = {
  name: PEERS_VOLUME,
  mountPath: dirname(PEER_KEY_FILE),
  readOnly: true,
};
