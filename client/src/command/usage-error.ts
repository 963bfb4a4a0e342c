/** The command was called wrongly, or with a file that it cannot use. The message says what it wants instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
