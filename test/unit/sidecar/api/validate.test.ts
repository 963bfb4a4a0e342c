import { Type } from 'typebox';
import { ProblemError } from '../../../../sidecar/src/api/problem.ts';
import { bodyCheck } from '../../../../sidecar/src/api/validate.ts';

const check = bodyCheck(
  Type.Partial(
    Type.Object({
      object: Type.Object({}),
      list: Type.Array(Type.String(), { minItems: 1, maxItems: 2 }),
      text: Type.String({ minLength: 1, maxLength: 3 }),
      yes: Type.Boolean(),
      number: Type.Number(),
      whole: Type.Integer({ minimum: 1, maximum: 9 }),
      few: Type.Record(Type.String(), Type.Null(), { maxProperties: 1 }),
    }),
  ),
);

describe('what is wrong with a body, in a sentence', () => {
  test.each([
    [[], 'The body must be a JSON object.'],
    [{ object: [] }, '/object must be a JSON object.'],
    [{ list: {} }, '/list must be a JSON array.'],
    [{ text: 1 }, '/text must be a string.'],
    [{ yes: 'yes' }, '/yes must be true or false.'],
    [{ number: '1' }, '/number must be a number.'],
    [{ whole: 1.5 }, '/whole must be a whole number.'],
    [{ few: { a: 1 } }, '/few/a must be null.'],
    [{ whole: 0 }, '/whole must be 1 or more.'],
    [{ whole: 10 }, '/whole must be 9 or less.'],
    [{ text: '' }, '/text must have 1 character or more.'],
    [{ text: 'long' }, '/text must have 3 characters or fewer.'],
    [{ list: [] }, '/list must have 1 item or more.'],
    [{ list: ['a', 'b', 'c'] }, '/list must have 2 items or fewer.'],
    [{ few: { a: null, b: null } }, '/few must have 1 field or fewer.'],
  ])('%j: %s', (body, detail) => {
    expect(() => check(body)).toThrow(ProblemError);
    expect(() => check(body)).toThrow(detail);
  });
});
