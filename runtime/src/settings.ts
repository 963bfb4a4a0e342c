import type { Setting, Settings } from '@hyperpage/contract';

/** What is wrong with the environment, a line for each setting: its name, what it got and what it wants. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`the environment does not fit:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

/** Reads every declared setting from `env`. An empty variable counts as absent.
 *  @throws SettingsError naming every setting that does not fit, not only the first. */
export function readSettings<D extends Record<string, Setting<unknown>>>(
  declarations: D,
  env: Readonly<Record<string, string | undefined>>,
): Settings<D> {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(declarations)) {
    const given = env[setting.env];
    if (given === undefined || given === '') {
      if ('default' in setting) values[name] = setting.default;
      else problems.push(`${setting.env} is not set; it wants ${setting.wants}`);
      continue;
    }
    const value = setting.parse(given);
    if (value === undefined)
      problems.push(`${setting.env} is ${JSON.stringify(given)}; it wants ${setting.wants}`);
    else values[name] = value;
  }
  if (problems.length > 0) throw new SettingsError(problems);
  return values as Settings<D>;
}
