import { customResourceDefinition } from '../../../dev/generate/crd.ts';
import { structural } from '../../../dev/generate/structural.ts';

interface Schema {
  description?: string;
  default?: unknown;
  properties?: Record<string, Schema>;
  items?: Schema;
}

/** Every field below `schema`, with its path. */
function* fieldsOf(schema: Schema, at: string): Generator<[path: string, field: Schema]> {
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    yield [`${at}.${name}`, field];
    yield* fieldsOf(field, `${at}.${name}`);
  }
  if (schema.items) yield* fieldsOf(schema.items, `${at}[]`);
}

const { spec, status } = customResourceDefinition().spec.versions[0]!.schema.openAPIV3Schema.properties;
const fields = [...fieldsOf(spec, 'spec'), ...fieldsOf(status, 'status')];

describe('what kubectl explain shows', () => {
  test('describes every field', () => {
    expect(fields.filter(([, { description }]) => !description).map(([path]) => path)).toEqual([]);
  });
  test('ends with the default of a field that has one', () => {
    const plain = fields.filter(([, field]) => 'default' in field && typeof field.default !== 'object');
    expect(plain.length).toBeGreaterThan(10);
    for (const [path, field] of plain) {
      expect([path, field.description?.endsWith(` Default: ${String(field.default)}.`)]).toEqual([
        path,
        true,
      ]);
    }
  });
  test('tells the default of resources in words', () => {
    const resources = fields.find(([path]) => path === 'spec.app.resources')?.[1];
    expect(resources?.description).toMatch(
      /Default: requests \(cpu 100m, memory 512Mi\), limits \(cpu 500m, memory 1Gi\)\.$/,
    );
  });
});

test('a field with a default and no description is refused with its place', () => {
  const schema = { type: 'object', properties: { port: { type: 'integer', default: 1 } } };
  expect(() => structural(schema)).toThrow('spec.port: describe it');
});
