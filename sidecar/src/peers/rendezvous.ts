import { createHash } from 'node:crypto';

/** `names` in the order in which `key` prefers them, the same for whoever asks: rendezvous hashing (Thaler and
 *  Ravishankar, 1998). When a name goes, only its keys move. */
export function preferred(names: readonly string[], key: string): string[] {
  const weight = (name: string) => createHash('sha1').update(name).update('\0').update(key).digest('hex');
  return names
    .map((name) => ({ name, weight: weight(name) }))
    .sort((a, b) => (a.weight < b.weight ? 1 : -1))
    .map(({ name }) => name);
}
