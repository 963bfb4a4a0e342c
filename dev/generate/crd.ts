import {
  ClusterSpec,
  ClusterStatus,
  GROUP,
  KIND,
  PLURAL,
  SHORT_NAME,
  SINGULAR,
  VERSION,
} from '@hyperpage/contract';
import { structural } from './structural.ts';

const condition = (type: string, field: 'status' | 'reason') =>
  `.status.conditions[?(@.type=="${type}")].${field}`;

const COLUMNS = [
  { name: 'Ready', type: 'string', jsonPath: condition('Ready', 'status'), description: 'Can be used.' },
  {
    name: 'Replicas',
    type: 'integer',
    jsonPath: '.status.readyReplicas',
    description: 'App pods that are ready.',
  },
  { name: 'Leader', type: 'string', jsonPath: '.status.leader.pod', description: 'Pod that leads.' },
  {
    name: 'Redis',
    type: 'string',
    jsonPath: condition('RedisAvailable', 'reason'),
    description: 'State of Redis.',
  },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  {
    name: 'Primary',
    type: 'string',
    jsonPath: '.status.redis.primary',
    priority: 1,
    description: "Redis's primary.",
  },
  {
    name: 'Image',
    type: 'string',
    jsonPath: '.spec.app.image',
    priority: 1,
    description: "The app's image.",
  },
  {
    name: 'Reason',
    type: 'string',
    jsonPath: condition('Ready', 'reason'),
    priority: 1,
    description: 'Why Ready is what it is.',
  },
];

/** Longest name of a HyperpageCluster: what the operator derives from it must fit 63 characters, with what
 *  Kubernetes adds for pods and revisions. */
const MAX_NAME_LENGTH = 40;

const nameRules = [
  {
    rule: `self.metadata.name.size() <= ${MAX_NAME_LENGTH}`,
    message: `metadata.name is too long: write at most ${MAX_NAME_LENGTH} characters, so that the names of its pods fit`,
  },
  {
    rule: "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
    message:
      'metadata.name becomes the name of a Service: begin with a letter and use only a-z, 0-9 and -, such as my-app',
  },
];

/** The CustomResourceDefinition, made from the schemas of the contract. */
export function customResourceDefinition() {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${PLURAL}.${GROUP}` },
    spec: {
      group: GROUP,
      scope: 'Namespaced',
      names: {
        kind: KIND,
        listKind: `${KIND}List`,
        plural: PLURAL,
        singular: SINGULAR,
        shortNames: [SHORT_NAME],
        categories: ['all'],
      },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          additionalPrinterColumns: COLUMNS,
          subresources: {
            status: {},
            scale: {
              specReplicasPath: '.spec.app.replicas',
              statusReplicasPath: '.status.replicas',
              labelSelectorPath: '.status.selector',
            },
          },
          schema: {
            openAPIV3Schema: {
              type: 'object',
              description:
                'A web app whose pods share a leader, messages, sessions and a highly available Redis.',
              required: ['spec'],
              properties: {
                apiVersion: { type: 'string' },
                kind: { type: 'string' },
                metadata: { type: 'object' },
                spec: structural(ClusterSpec as unknown as Record<string, unknown>, 'spec'),
                status: structural(ClusterStatus as unknown as Record<string, unknown>, 'status'),
              },
              'x-kubernetes-validations': nameRules,
            },
          },
        },
      ],
    },
  };
}
