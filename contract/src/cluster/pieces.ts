import { Type } from 'typebox';

/** CEL rules of a field; each message tells the user what to write instead. */
export const cel = (...rules: Array<{ rule: string; message: string; fieldPath?: string }>) => ({
  'x-kubernetes-validations': rules,
});

/** A part of the Kubernetes API that we hand on without owning its schema. */
export const passThrough = <T>(description: string) =>
  Type.Unsafe<T>({ type: 'object', description, 'x-kubernetes-preserve-unknown-fields': true });
/** A list of such parts. */
export const passThroughList = <T>(description: string) =>
  Type.Unsafe<T[]>({
    type: 'array',
    description,
    items: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  });

/** A Kubernetes quantity: a number, or text with a unit. */
export const Quantity = (description: string) =>
  Type.Unsafe<string | number>({
    description,
    anyOf: [{ type: 'integer' }, { type: 'string' }],
    'x-kubernetes-int-or-string': true,
    pattern:
      '^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$',
  });

/** Compute resources of a container. */
export const Resources = (defaults: object, what: string) =>
  Type.Object(
    {
      requests: Type.Optional(
        Type.Record(Type.String(), Quantity('A Kubernetes quantity, such as 100m or 512Mi.'), {
          description: 'What is set aside for it: cpu and memory.',
        }),
      ),
      limits: Type.Optional(
        Type.Record(Type.String(), Quantity('A Kubernetes quantity, such as 500m or 1Gi.'), {
          description: 'What it may use at most: cpu and memory.',
        }),
      ),
    },
    { description: `Compute resources of ${what}.`, default: defaults },
  );

/** When nodes pull an image. */
export const PullPolicy = Type.Enum(['Always', 'IfNotPresent', 'Never'], {
  description:
    "When nodes pull the image. Absent: Kubernetes' own default, Always for the tag latest and IfNotPresent for any other.",
});

/** One key of a Secret in the same namespace. */
export const SecretKeyRef = (description: string, key: string) =>
  Type.Object(
    {
      name: Type.String({ description: 'Name of the Secret, in the same namespace.', minLength: 1 }),
      key: Type.String({ description: 'Key in the Secret.', default: key, minLength: 1 }),
    },
    { description },
  );
