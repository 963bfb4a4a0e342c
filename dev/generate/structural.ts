/** A JSON schema of the contract as Kubernetes wants it in a CRD ("structural schema"). */

type Schema = Record<string, unknown>;

/** Keywords that a CRD's schema may hold and that the contract uses; any other one is an error, so that a rule that
 *  Kubernetes would not enforce cannot stand in the contract unnoticed. */
const KEYWORDS = new Set([
  'type',
  'description',
  'default',
  'enum',
  'format',
  'pattern',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'multipleOf',
  'minItems',
  'maxItems',
  'maxProperties',
]);

/** Takes a schema of the contract and gives its structural form.
 *  `required` keeps only what has no default: a field with a default is not asked of the user, and `kubectl explain`
 *  then says so. @throws Error naming the place and the keyword that Kubernetes would not take. */
export function structural(schema: Schema, at = 'spec'): Schema {
  const out: Schema = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (KEYWORDS.has(keyword) || keyword.startsWith('x-kubernetes-')) out[keyword] = value;
    else if (keyword === 'properties') out['properties'] = propertiesOf(value as Record<string, Schema>, at);
    else if (keyword === 'patternProperties') out['additionalProperties'] = onlyPattern(value as Schema, at);
    else if (keyword === 'items') out['items'] = structural(value as Schema, `${at}[]`);
    else if (keyword === 'anyOf' && schema['x-kubernetes-int-or-string']) out['anyOf'] = value;
    else if (keyword !== 'required' && keyword !== 'additionalProperties')
      throw new Error(`${at}: a CRD does not take the keyword ${keyword}`);
  }
  if (schema['enum'] && !schema['type']) out['type'] = 'string';
  if ('default' in schema) {
    out['default'] = filled(schema);
    out['description'] = telling(schema, at);
  }
  const required = requiredOf(schema);
  if (required.length > 0) out['required'] = required;
  return out;
}

/** The description with the default at its end: `kubectl explain` does not show a default by itself. An object's own
 *  default is only worth telling when it holds something that its parts do not tell. */
const telling = (schema: Schema, at: string): string => {
  const { description, default: value } = schema;
  if (typeof description !== 'string') throw new Error(`${at}: describe it`);
  if (typeof value !== 'object' || value === null) return `${description} Default: ${String(value)}.`;
  return Object.keys(value).length > 0 ? `${description} Default: ${inWords(value)}.` : description;
};

const inWords = (value: object): string =>
  Object.entries(value)
    .map(([name, part]) => `${name} ${typeof part === 'object' ? `(${inWords(part as object)})` : part}`)
    .join(', ');

const propertiesOf = (properties: Record<string, Schema>, at: string) =>
  Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [name, structural(schema, `${at}.${name}`)]),
  );

const onlyPattern = (patterns: Schema, at: string): Schema => {
  const [schema, ...others] = Object.values(patterns) as Schema[];
  if (!schema || others.length > 0) throw new Error(`${at}: a CRD takes one kind of additional property`);
  return structural(schema, `${at}.*`);
};

const requiredOf = (schema: Schema): string[] => {
  const properties = (schema['properties'] ?? {}) as Record<string, Schema>;
  return ((schema['required'] ?? []) as string[]).filter((name) => !('default' in (properties[name] ?? {})));
};

/** The default of a field with the defaults of its parts filled in: the API server checks CEL rules against a default
 *  as it is written, before it fills in the parts. */
const filled = (schema: Schema): unknown => {
  const value = schema['default'];
  if (schema['type'] !== 'object' || typeof value !== 'object' || value === null) return value;
  const properties = (schema['properties'] ?? {}) as Record<string, Schema>;
  const parts = Object.entries(properties).filter(([, part]) => 'default' in part);
  return { ...Object.fromEntries(parts.map(([name, part]) => [name, filled(part)])), ...value };
};
