import { access, mkdir, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { ClusterProblem } from '../problem.ts';
import { run } from '../run.ts';
import { type ClusterIdentity, MAX_INDEX } from './layout.ts';

/** Clusters of every checkout on the machine, a file each: their link names, cgroups and subnets are the machine's,
 *  so two checkouts must not use the same. */
export const CLAIMS_FOLDER = '/run/hyperpage';

const claimPath = (name: string) => join(CLAIMS_FOLDER, `${name}.json`);

/** The cluster of this name that some checkout has made, if any. */
export async function readClaim(name: string): Promise<ClusterIdentity | undefined> {
  const content = await readFile(claimPath(name), 'utf8').catch(() => undefined);
  return content === undefined ? undefined : (JSON.parse(content) as ClusterIdentity);
}

/** Claims the name, with subnets that nobody uses. Claiming again what this checkout has already gives the same.
 *  @throws ClusterProblem when another checkout has a cluster of this name, or when no subnet is free. */
export async function claim(name: string, root: string): Promise<ClusterIdentity> {
  const existing = await readClaim(name);
  if (existing) {
    await requireOurs(existing, root);
    return existing;
  }
  await mkdir(CLAIMS_FOLDER, { recursive: true });
  const identity = { name, root, index: firstFreeIndex(await claimedIndexes(), await usedNetworks()) };
  // Two that start at once: the file system lets one of them make the file.
  await writeFile(claimPath(name), JSON.stringify(identity), { flag: 'wx' }).catch((error: unknown) => {
    throw new ClusterProblem(
      `Another \`up\` of the cluster ${name} begins at this moment.`,
      'Wait for it to finish, then run this again.',
      { cause: error },
    );
  });
  return identity;
}

/** @throws ClusterProblem when the cluster belongs to another checkout that still exists. */
export async function requireOurs(claimed: ClusterIdentity, root: string): Promise<void> {
  if (claimed.root === root) return;
  const alive = await access(claimed.root).then(
    () => true,
    () => false,
  );
  // The checkout is gone, and with it whoever could have taken the cluster down from there.
  if (!alive) return;
  throw new ClusterProblem(
    `The cluster ${claimed.name} on this machine belongs to another checkout: ${claimed.root}`,
    `Take it down there first: make -C ${join(claimed.root, '..')} cluster-down`,
  );
}

export async function releaseClaim(name: string): Promise<void> {
  await rm(claimPath(name), { force: true });
  // Fails while other clusters are claimed, which is as it should be.
  await rmdir(CLAIMS_FOLDER).catch(() => undefined);
}

async function claimedIndexes(): Promise<number[]> {
  const files = (await readdir(CLAIMS_FOLDER)).filter((file) => file.endsWith('.json'));
  const claims = await Promise.all(files.map((file) => readClaim(file.replace(/\.json$/, ''))));
  return claims.flatMap((claimed) => (claimed ? [claimed.index] : []));
}

/** Destinations of the machine's routes and its own addresses, as `address` or `address/length`. */
async function usedNetworks(): Promise<string[]> {
  const routes = JSON.parse(await run('ip', ['-json', '-4', 'route'])) as Array<{ dst: string }>;
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const own = addresses.filter(({ family }) => family === 'IPv4').map(({ address }) => address);
  return [...routes.map(({ dst }) => dst).filter((dst) => dst !== 'default'), ...own];
}

/** The first index whose subnets overlap with none in use.
 *  @throws ClusterProblem when there is none. */
export function firstFreeIndex(claimed: readonly number[], used: readonly string[]): number {
  for (let index = 0; index <= MAX_INDEX; index++) {
    if (claimed.includes(index)) continue;
    const wanted = [`172.30.${index}.0/24`, `10.${244 + index}.0.0/16`];
    if (!wanted.some((network) => used.some((other) => overlap(network, other)))) return index;
  }
  throw new ClusterProblem(
    'Every subnet that a cluster could use (172.30.0-9.0/24 with 10.244-253.0.0/16) is taken on this machine.',
    'See which clusters run with `ls /run/hyperpage`, take down those you no longer need, and look at `ip route` for other uses.',
  );
}

function overlap(a: string, b: string): boolean {
  const [first, second] = [parse(a), parse(b)];
  const length = Math.min(first.length, second.length);
  return first.bits >> BigInt(32 - length) === second.bits >> BigInt(32 - length);
}

function parse(network: string): { bits: bigint; length: number } {
  const [address = '', length = '32'] = network.split('/');
  const bits = address.split('.').reduce((sum, octet) => sum * 256n + BigInt(octet), 0n);
  return { bits, length: Number(length) };
}
