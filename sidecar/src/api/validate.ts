import { MOMENT_PATTERN } from '@hyperpage/contract';
import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { pointerToken, shortened } from './pointer.ts';
import { ProblemError } from './problem.ts';

/** A check of a body against `schema`, compiled on its first use.
 *  @throws ProblemError 400 whose `field` is the JSON pointer of the first thing that does not fit. */
export function bodyCheck<S extends TSchema>(schema: S): (body: unknown) => Static<S> {
  let compiled: ReturnType<typeof Compile<S>> | undefined;
  return (body) => {
    compiled ??= Compile(schema);
    if (compiled.Check(body)) return body;
    throw problemOf(compiled.Errors(body));
  };
}

type SchemaError = ReturnType<ReturnType<typeof Compile>['Errors']>[number];

function problemOf(errors: readonly SchemaError[]): ProblemError {
  // "Schema is false" only repeats that a property is unknown.
  const first = errors.find((error) => error.keyword !== 'boolean') ?? errors[0];
  if (!first) return new ProblemError('invalid-body', 'The body does not fit; see /openapi.json.');
  const { field, detail } = describe(first);
  return new ProblemError('invalid-body', detail, { field });
}

function describe(error: SchemaError): { field: string; detail: string } {
  const at = shortened(error.instancePath);
  switch (error.keyword) {
    case 'required': {
      const field = `${at}/${error.params.requiredProperties[0] ?? ''}`;
      return { field, detail: `${field} is missing: send it.` };
    }
    case 'additionalProperties': {
      const field = shortened(`${at}/${pointerToken(error.params.additionalProperties[0] ?? '')}`);
      return { field, detail: `${field} is not a known field: leave it out, or see /openapi.json.` };
    }
    case 'enum':
      return { field: at, detail: `${at} must be one of ${error.params.allowedValues.join(', ')}.` };
    default:
      return { field: at, detail: `${at === '' ? 'The body' : at} ${demandOf(error)}.` };
  }
}

const A_TYPE: Readonly<Record<string, string>> = {
  object: 'a JSON object',
  array: 'a JSON array',
  string: 'a string',
  boolean: 'true or false',
  number: 'a number',
  integer: 'a whole number',
  null: 'null',
};

/** The schemas know no other format. */
const A_MOMENT = 'must be a moment, such as 2025-10-29T12:00:00.000Z';

/** What is wanted, as the end of a sentence. The validator's own words lack articles and plurals. */
function demandOf(error: SchemaError): string {
  switch (error.keyword) {
    case 'type':
      return `must be ${[error.params.type]
        .flat()
        .map((type) => A_TYPE[type] ?? type)
        .join(' or ')}`;
    case 'minimum':
      return `must be ${error.params.limit} or more`;
    case 'maximum':
      return `must be ${error.params.limit} or less`;
    case 'minLength':
      return `must have ${counted(error.params.limit, 'character', 'characters')} or more`;
    case 'maxLength':
      return `must have ${counted(error.params.limit, 'character', 'characters')} or fewer`;
    case 'minItems':
      return `must have ${counted(error.params.limit, 'item', 'items')} or more`;
    case 'maxItems':
      return `must have ${counted(error.params.limit, 'item', 'items')} or fewer`;
    case 'maxProperties':
      return `must have ${counted(error.params.limit, 'field', 'fields')} or fewer`;
    case 'format':
      return A_MOMENT;
    case 'pattern':
      return error.params.pattern === MOMENT_PATTERN ? A_MOMENT : error.message;
    default:
      return error.message;
  }
}

const counted = (count: number | bigint, one: string, many: string) =>
  `${count} ${Number(count) === 1 ? one : many}`;
