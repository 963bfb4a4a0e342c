import { Type } from 'typebox';
import { PORTS } from '../names.ts';
import { APP_URL_ENV } from '../settings.ts';
import { cel, PullPolicy, passThrough, passThroughList, Resources } from './pieces.ts';

/** Variables that every app container gets; the CR cannot set them. */
export const OPERATOR_ENV = [APP_URL_ENV, 'HYPERPAGE_POD_NAME', 'PORT'] as const;

export const AppSpec = Type.Object(
  {
    image: Type.String({ description: "The app's container image.", minLength: 1 }),
    imagePullPolicy: Type.Optional(PullPolicy),
    command: Type.Optional(Type.Array(Type.String(), { description: "Replaces the image's entrypoint." })),
    args: Type.Optional(Type.Array(Type.String(), { description: "Replaces the image's arguments." })),
    port: Type.Integer({
      description: 'Port the app listens on.',
      default: 3000,
      minimum: 1,
      maximum: 65535,
    }),
    replicas: Type.Integer({
      description:
        'Number of app pods. Under autoscaling it is only the number to begin with: the HPA owns it from then on.',
      default: 3,
      minimum: 0,
      maximum: 1000,
    }),
    env: Type.Optional(
      Type.Unsafe<Array<{ name: string; value?: string; valueFrom?: object }>>({
        type: 'array',
        description: 'Environment variables of the app container (EnvVar), each name once.',
        maxItems: 500,
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
        items: {
          type: 'object',
          required: ['name'],
          properties: {
            name: { type: 'string', minLength: 1, maxLength: 253, description: 'Name of the variable.' },
          },
          'x-kubernetes-preserve-unknown-fields': true,
        },
        ...cel({
          rule: `!self.exists(e, e.name in [${OPERATOR_ENV.map((name) => `'${name}'`).join(', ')}])`,
          message: `${OPERATOR_ENV.join(', ')} are set by the operator: remove them from app.env (app.port sets PORT)`,
        }),
      }),
    ),
    envFrom: Type.Optional(
      passThroughList<object>('Sources of environment variables of the app container (EnvFromSource).'),
    ),
    resources: Resources(
      { requests: { cpu: '100m', memory: '512Mi' }, limits: { cpu: '500m', memory: '1Gi' } },
      'the app container',
    ),
    probes: Type.Object(
      {
        liveness: Type.Optional(
          passThrough<object>('Probe; by default GET /api/health after 30 s, every 30 s.'),
        ),
        readiness: Type.Optional(
          passThrough<object>('Probe; by default GET /api/sessions?check=ready after 5 s, every 10 s.'),
        ),
        startup: Type.Optional(passThrough<object>('Probe; by default none.')),
      },
      { description: "The app container's probes.", default: {} },
    ),
    podTemplate: Type.Optional(
      passThrough<{
        metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
        spec?: object;
      }>(
        'Merged under what the operator sets: everything else of a pod (volumes, affinity, tolerations, priority …).',
      ),
    ),
  },
  {
    description: 'The web app.',
    ...cel({
      rule: `self.port != ${PORTS.sidecarPod}`,
      message: `port ${PORTS.sidecarPod} is the sidecar's; let the app listen on another one, such as 3000`,
    }),
  },
);

export const AutoscalingSpec = Type.Object(
  {
    min: Type.Integer({ description: 'Fewest pods.', default: 3, minimum: 1 }),
    max: Type.Integer({ description: 'Most pods.', minimum: 1, maximum: 1000 }),
    targetCPUUtilizationPercentage: Type.Integer({
      description: 'Average CPU use to aim at, in percent of what the pods request.',
      default: 70,
      minimum: 1,
      maximum: 1000,
    }),
    metrics: Type.Optional(passThroughList<object>('More metrics (autoscaling/v2 MetricSpec), beside CPU.')),
    behavior: Type.Optional(passThrough<object>('autoscaling/v2 HorizontalPodAutoscalerBehavior.')),
  },
  {
    description: 'Makes a HorizontalPodAutoscaler. Absent: no HPA, and app.replicas rules.',
    ...cel({ rule: 'self.min <= self.max', message: 'min must not be above max: lower min or raise max' }),
  },
);
