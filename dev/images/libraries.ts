import { run } from '../command.ts';
import type { LayerFile } from './layer.ts';

/** The shared libraries and the loader that `programs` need, at the very paths `ldd` names, each once.
 *  @throws Error naming what `ldd` did not find. */
export async function librariesOf(programs: readonly string[]): Promise<LayerFile[]> {
  const paths = new Set<string>();
  for (const program of programs) {
    const { code, output } = await run('ldd', [program]);
    // A static program needs nothing; ldd calls that a failure.
    if (output.includes('not a dynamic executable')) continue;
    if (code !== 0) throw new Error(`ldd ${program} failed: ${output.trim()}`);
    for (const path of libraryPaths(output, program)) paths.add(path);
  }
  return [...paths].map((path) => ({ path, from: path }));
}

/** Reads the output of `ldd`: `name => path (address)` for libraries, `path (address)` for the loader; the kernel's
 *  own `linux-vdso` has no path. @throws Error naming the libraries that are not there. */
export function libraryPaths(output: string, program: string): string[] {
  const missing = [...output.matchAll(/^\s*(\S+) => not found/gm)].map((match) => match[1]);
  if (missing.length > 0) {
    throw new Error(
      `${program} needs ${missing.join(', ')}, which this machine lacks: install it and build again`,
    );
  }
  return [...output.matchAll(/^\s*(?:\S+ => )?(\/\S+) \(0x[0-9a-f]+\)$/gm)].map(
    (match) => match[1] as string,
  );
}
