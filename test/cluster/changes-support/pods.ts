/** Pods that the tests put beside a HyperpageCluster. */
export interface PodOptions {
  name: string;
  image: string;
  command: readonly string[];
  /** Secrets to mount, by the folder. */
  secrets?: Readonly<Record<string, string>>;
  /** A volume claim to mount at /data. */
  claim?: string;
  labels?: Readonly<Record<string, string>>;
}

/** A pod that a namespace with the strictest Pod Security Standard admits, as JSON. */
export function restrictedPod(options: PodOptions): string {
  const { name, image, command, secrets = {}, claim, labels } = options;
  const mounts = Object.entries(secrets).map(([mountPath, secretName], i) => ({
    mount: { name: `secret-${i}`, mountPath, readOnly: true },
    volume: { name: `secret-${i}`, secret: { secretName } },
  }));
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, ...(labels ? { labels } : {}) },
    spec: {
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 2,
      restartPolicy: 'Never',
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 999,
        runAsGroup: 999,
        fsGroup: 999,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [
        {
          name: 'main',
          image,
          imagePullPolicy: 'IfNotPresent',
          command,
          resources: { requests: { cpu: '10m', memory: '32Mi' }, limits: { memory: '256Mi' } },
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          volumeMounts: [
            ...mounts.map(({ mount }) => mount),
            ...(claim ? [{ name: 'data', mountPath: '/data' }] : []),
          ],
        },
      ],
      volumes: [
        ...mounts.map(({ volume }) => volume),
        ...(claim ? [{ name: 'data', persistentVolumeClaim: { claimName: claim } }] : []),
      ],
    },
  });
}
