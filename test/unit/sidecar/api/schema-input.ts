import type { seeded } from '../seeded.ts';

type Random = ReturnType<typeof seeded>;

/** The part of JSON Schema that the API's document uses. */
export interface JsonSchema {
  $ref?: string;
  anyOf?: JsonSchema[];
  enum?: unknown[];
  const?: unknown;
  type?: string;
  properties?: Record<string, JsonSchema>;
  patternProperties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  minItems?: number;
  maxItems?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  minimum?: number;
  maximum?: number;
}

/** Texts that trip those who count, cut, compare or print. */
export const TEXTS = [
  '',
  ' ',
  '\0',
  'a\nb',
  'a\r\nb',
  '\u2028',
  '\ud800',
  '\udc00x',
  '😀',
  'e\u0301',
  '\u202e',
  '\ufeff',
  'ß世"\\/~',
  '../../etc/passwd',
  '%00',
  '__proto__',
  'constructor',
  'toString',
  '{"a":1}',
  "'; FLUSHALL; --",
  '*3\r\n$3\r\nDEL\r\n',
  'NaN',
  'x'.repeat(300),
  'x'.repeat(20_000),
  '世'.repeat(20_000),
] as const;

/** Keys of the sender's own choice that are fine, however odd. */
const KEYS = [
  'github',
  '',
  'a b',
  'a/b',
  'a~b',
  '世',
  '😀',
  'toString',
  'hasOwnProperty',
  'a\nb',
  '\u2028',
  '0',
];
const KEY_TRAPS = ['__proto__', 'constructor', 'prototype', '\ud800', 'x'.repeat(5000), ...KEYS];

const FITTING = ['broadcast', 'embedded-0', 'abc123-def456', '2025-10-29T12:00:00.000Z'];

const nested = (depth: number, wrap: (inner: unknown) => unknown): unknown => {
  let value: unknown = 'deep';
  for (let level = 0; level < depth; level += 1) value = wrap(value);
  return value;
};

/** Bodies made from the schemas of an OpenAPI document: those that fit, and those that are spoilt in a place or two. */
export function schemaInput(schemas: Readonly<Record<string, JsonSchema>>, random: Random) {
  const { below, of } = random;
  const idOf = () => Array.from({ length: 24 }, () => of('abcXYZ019_-'.split(''))).join('');

  const text = ({ pattern, minLength = 0, maxLength = 64 }: JsonSchema): string => {
    if (pattern !== undefined) {
      const fits = [...FITTING, idOf()].filter((one) => new RegExp(pattern).test(one));
      if (fits.length === 0) throw new Error(`no text here fits ${pattern}: add one to FITTING`);
      return of(fits);
    }
    const fits = TEXTS.filter((one) => one.length >= minLength && one.length <= maxLength);
    return of(fits);
  };

  const object = ({ properties = {}, patternProperties = {}, required = [] }: JsonSchema): unknown => {
    const named = Object.entries(properties)
      .filter(([name]) => required.includes(name) || below(2) === 0)
      .map(([name, schema]) => [name, valid(schema)] as const);
    const [open] = Object.values(patternProperties);
    const free = open ? Array.from({ length: below(3) }, () => [of(KEYS), valid(open)] as const) : [];
    return Object.fromEntries([...named, ...free]);
  };

  function valid(schema: JsonSchema): unknown {
    if (schema.$ref !== undefined) return valid(schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {});
    if (schema.anyOf) return valid(of(schema.anyOf));
    if (schema.enum) return of(schema.enum);
    if ('const' in schema) return schema.const;
    if (schema.type === 'object') return object(schema);
    if (schema.type === 'string') return text(schema);
    if (schema.type === 'boolean') return below(2) === 0;
    if (schema.type === 'array') {
      const length = Math.min(schema.maxItems ?? 3, (schema.minItems ?? 0) + below(3));
      return Array.from({ length }, () => valid(schema.items ?? {}));
    }
    if (schema.type === 'integer') {
      const { minimum = -5, maximum = Number.MAX_SAFE_INTEGER } = schema;
      return of([minimum, minimum + below(1000), maximum]);
    }
    if (schema.type !== undefined) throw new Error(`no value here is a ${schema.type}`);
    return random.json(3);
  }

  const trap = (): unknown => {
    const kind = below(10);
    if (kind < 4) return of(TEXTS);
    if (kind === 4) return nested(of([63, 64, 65, 500]), (inner) => [inner]);
    if (kind === 5) return nested(of([63, 64, 65]), (inner) => ({ a: inner }));
    if (kind === 6) return Object.fromEntries([[of(KEY_TRAPS), random.json(2)]]);
    if (kind === 7) return Array.from({ length: of([1, 300, 5000]) }, () => of([1, '', null]));
    return of([null, true, false, 0, -1, 0.5, 1e308, 2 ** 53, -(2 ** 63), [], {}, [[]], [null]]);
  };

  /** What may be done to one place. */
  const spoiltHere = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || below(3) === 0) return trap();
    const entries = Object.entries(value);
    if (entries.length > 0 && below(3) === 0)
      return Object.fromEntries(entries.toSpliced(below(entries.length), 1));
    return Object.fromEntries([...entries, [of(KEY_TRAPS), below(2) === 0 ? trap() : value]]);
  };

  /** `value` with one place of it spoilt, every place being as likely. */
  function spoilt(value: unknown): unknown {
    let left = below(sizeOf(value));
    const visit = (inner: unknown): unknown => {
      left -= 1;
      if (left === -1) return spoiltHere(inner);
      if (left < -1 || typeof inner !== 'object' || inner === null) return inner;
      if (Array.isArray(inner)) return inner.map(visit);
      return Object.fromEntries(Object.entries(inner).map(([key, one]) => [key, visit(one)]));
    };
    return visit(value);
  }

  return { valid, spoilt, idOf };
}

/** Places in a value: itself and all that is in it. */
const sizeOf = (value: unknown): number =>
  typeof value === 'object' && value !== null
    ? Object.values(value).reduce((sum: number, inner) => sum + sizeOf(inner), 1)
    : 1;
