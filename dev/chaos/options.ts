import { parseArgs } from 'node:util';
import { GROUPS, KIND_NAMES, KINDS, type KindName, kindsOf } from './catalogue.ts';

export interface Options {
  help: boolean;
  /** Absent: drawn, and told. */
  seed?: number;
  rounds: number;
  /** Absent: everything that is possible there. */
  kinds?: KindName[];
  /** Somebody's own HyperpageCluster; absent: one on the project's own cluster. */
  target?: { namespace: string; cluster: string; kubeconfig?: string; context?: string };
  yes: boolean;
  /** Only print what would be done. */
  plan: boolean;
  json?: string;
  replicas?: number;
}

/** The command line says something that cannot be meant. */
export class UsageError extends Error {}

const DEFAULT_ROUNDS = 10;
const width = Math.max(...KIND_NAMES.map((name) => name.length));

export const USAGE = `Breaks a real cluster on purpose, again and again, while it is written to, and checks that nothing
that was acknowledged is lost.

Usage: make chaos [SEED=n] [ROUNDS=n] [FAULTS=a,b,c] [ARGS="more options"]
       node dev/chaos/main.ts [--seed n] [--rounds n] [--faults a,b,c] [more options]

  --seed N           draws faults, whom they hit and how long they last; the same seed, rounds and faults are the same
                     plan (drawn and told unless given)
  --rounds N         faults, one after another (${DEFAULT_ROUNDS})
  --faults LIST      kinds or groups, with commas between (all that are possible)
  --plan             print what would be done, and end
  --json FILE        write the report there too
  --replicas N       count a write as acknowledged when N replicas have it (as many as the sidecars ask for); with 0
                     you see that lost writes are found

On a cluster of the project's own (made when there is none, as by make cluster) unless you name yours:
  --cluster NAME     a HyperpageCluster of yours. It is broken on purpose: say so to a test cluster only
  --namespace NS     its namespace (default)
  --kubeconfig FILE  how to reach it (kubectl's own default)
  --context NAME     which context of it
  --yes              do not ask before it begins

Kinds of faults (groups: ${GROUPS.join(', ')}, all):
${KIND_NAMES.map((name) => `  ${name.padEnd(width)}  ${KINDS[name].doc}`).join('\n')}

It ends with 0 when nothing was lost and every round recovered, with 1 when not, with 2 when the command is wrong.`;

/** Reads the command line. @throws UsageError saying what is wrong with it. */
export function readOptions(args: readonly string[]): Options {
  const values = parse(args);
  const target = targetOf(values);
  const seed = whole('--seed', values.seed, 0, 0xffff_ffff);
  const replicas = whole('--replicas', values.replicas, 0, 8);
  return {
    help: values.help ?? false,
    ...(seed === undefined ? {} : { seed }),
    rounds: whole('--rounds', values.rounds, 1, 100_000) ?? DEFAULT_ROUNDS,
    ...(values.faults ? { kinds: kinds(values.faults) } : {}),
    ...(target ? { target } : {}),
    yes: values.yes ?? false,
    plan: values.plan ?? false,
    ...(values.json ? { json: values.json } : {}),
    ...(replicas === undefined ? {} : { replicas }),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: 'boolean', short: 'h' },
        seed: { type: 'string' },
        rounds: { type: 'string' },
        faults: { type: 'string' },
        cluster: { type: 'string' },
        namespace: { type: 'string' },
        kubeconfig: { type: 'string' },
        context: { type: 'string' },
        replicas: { type: 'string' },
        yes: { type: 'boolean' },
        plan: { type: 'boolean' },
        json: { type: 'string' },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function targetOf({ cluster, namespace, kubeconfig, context }: ReturnType<typeof parse>): Options['target'] {
  if (!cluster) {
    if (!namespace && !kubeconfig && !context) return undefined;
    throw new UsageError('Say which HyperpageCluster is meant: --cluster NAME.');
  }
  return {
    cluster,
    namespace: namespace ?? 'default',
    ...(kubeconfig ? { kubeconfig } : {}),
    ...(context ? { context } : {}),
  };
}

function whole(flag: string, text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`${flag} wants a whole number from ${min} to ${max}, not ${JSON.stringify(text)}.`);
}

function kinds(text: string): KindName[] {
  const found = kindsOf(
    text
      .split(',')
      .map((word) => word.trim())
      .filter(Boolean),
  );
  if ('unknown' in found)
    throw new UsageError(
      `There is no fault ${JSON.stringify(found.unknown)}. There are: ${[...KIND_NAMES, ...GROUPS, 'all'].join(', ')}.`,
    );
  if (found.length === 0) throw new UsageError('--faults names none.');
  return found;
}
