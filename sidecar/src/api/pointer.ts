/** A key in a JSON pointer (RFC 6901). */
export const pointerToken = (key: string) => key.replaceAll('~', '~0').replaceAll('/', '~1');

const MAX_LENGTH = 200;

/** A pointer as an answer shows it: whoever sends a key of a megabyte does not get it back. */
export const shortened = (pointer: string) =>
  pointer.length <= MAX_LENGTH ? pointer : `${pointer.slice(0, MAX_LENGTH - 1)}…`;
