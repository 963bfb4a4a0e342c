import { join } from 'node:path';
import { goProgram } from './go-program.ts';

/** Gives the path of the candidate program that elects by client-go; undefined, after saying why, when it cannot be
 *  built. */
export const clientGoElection = (say: (line: string) => void): Promise<string | undefined> =>
  goProgram(
    {
      name: 'client-go-election',
      source: join(import.meta.dirname, 'client-go-election'),
      goPackage: '.',
      takes: 'about a minute',
    },
    say,
  );
