import { createHash } from 'node:crypto';
import { access, constants, mkdir, readFile, rename } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../../dev/command.ts';

const SOURCE = join(import.meta.dirname, 'client-go-election');
const NAME = 'client-go-election';
const SOURCE_FILES = ['main.go', 'go.mod', 'go.sum'];

/** Gives the path of the candidate program that elects by client-go; builds it once for this user, beside the other
 *  Go programs. undefined, after saying why, when it cannot be built: the bench then goes on without this peer. */
export async function clientGoElection(
  say: (line: string) => void,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string | undefined> {
  const cache = join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'hyperpage', 'bin');
  const folder = join(cache, `bench-${await version()}`);
  const program = join(folder, NAME);
  if (await isExecutable(program)) return program;
  say('build the client-go peer (once for this user)');
  await mkdir(folder, { recursive: true });
  const partial = join(folder, `.${NAME}.${process.pid}`);
  const built = await run('go', ['build', '-trimpath', '-ldflags', '-s -w', '-o', partial, '.'], {
    cwd: SOURCE,
    env: { CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false' },
  }).catch((error: Error) => ({ code: 1, output: `${error.message}: is Go installed?` }));
  if (built.code !== 0) {
    say(`no client-go peer: ${built.output.trim().slice(-500)}`);
    return undefined;
  }
  await rename(partial, program);
  return program;
}

/** The version of client-go, and a digest of our program around it. */
async function version(): Promise<string> {
  const digest = createHash('sha256');
  for (const file of SOURCE_FILES) digest.update(await readFile(join(SOURCE, file)));
  const goMod = await readFile(join(SOURCE, 'go.mod'), 'utf8');
  const clientGo = /k8s\.io\/client-go (v\S+)/.exec(goMod)?.[1] ?? 'v0';
  return `${clientGo}-${digest.digest('hex').slice(0, 8)}`;
}

const isExecutable = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
