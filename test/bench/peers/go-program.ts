import { createHash } from 'node:crypto';
import { access, constants, mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../../dev/command.ts';

export interface GoProgram {
  name: string;
  /** Where its go.mod is. */
  source: string;
  /** What to build there: a folder, or a package that go.mod requires. */
  goPackage: string;
  tags?: string;
  /** How long a first build takes, in words. */
  takes: string;
}

/** Gives the path of a peer's program; builds it once for this user, beside the other Go programs. undefined, after
 *  saying why, when it cannot be built: the bench then goes on without this peer. */
export async function goProgram(
  { name, source, goPackage, tags, takes }: GoProgram,
  say: (line: string) => void,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string | undefined> {
  const cache = join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'hyperpage', 'bin');
  const folder = join(cache, `bench-${name}-${await digestOf(source)}`);
  const program = join(folder, name);
  if (await isExecutable(program)) return program;
  say(`build ${name} (once for this user, ${takes})`);
  await mkdir(folder, { recursive: true });
  const partial = join(folder, `.${name}.${process.pid}`);
  const flags = ['-trimpath', '-ldflags', '-s -w', ...(tags === undefined ? [] : ['-tags', tags])];
  const built = await run('go', ['build', ...flags, '-o', partial, goPackage], {
    cwd: source,
    env: { CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false' },
  }).catch((error: Error) => ({ code: 1, output: `${error.message}: is Go installed?` }));
  if (built.code !== 0) {
    say(`PEER LEFT OUT: ${name} cannot be built: ${built.output.trim().slice(-500)}`);
    return undefined;
  }
  await rename(partial, program);
  return program;
}

async function digestOf(source: string): Promise<string> {
  const digest = createHash('sha256');
  for (const file of (await readdir(source)).toSorted()) digest.update(await readFile(join(source, file)));
  return digest.digest('hex').slice(0, 12);
}

const isExecutable = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
