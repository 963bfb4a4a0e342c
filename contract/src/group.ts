/** The API group, version and names of the custom resource (Kubernetes API conventions, "Types (Kinds)"). */
export const GROUP = 'hyperpage.dev';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}`;
export const KIND = 'HyperpageCluster';
export const PLURAL = 'hyperpageclusters';
export const SINGULAR = 'hyperpagecluster';
export const SHORT_NAME = 'hpc';

/** The version of this product: image tags and the `app.kubernetes.io/version` of the operator. */
export const PRODUCT_VERSION = '0.1.0';

/** Images as users name them. `redis` is the name the product's spec gives. */
export const IMAGES = {
  operator: `hyperpage/operator:${PRODUCT_VERSION}`,
  sidecar: `hyperpage/sidecar:${PRODUCT_VERSION}`,
  example: `hyperpage/example:${PRODUCT_VERSION}`,
  redis: 'redis:7-alpine',
} as const;
