import { cp, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';
import { recordedResult, recordResult } from './build-record.ts';

/** The programs that are shipped as one file each, and where each starts. */
export const PROGRAMS = {
  operator: { entry: 'operator/src/main.ts', forbidden: ['@hyperpage/sidecar', '@hyperpage/client'] },
  // The sidecar lives once per pod: client-node alone would cost it 60 MiB.
  sidecar: { entry: 'sidecar/src/main.ts', forbidden: ['@hyperpage/operator', '@kubernetes/client-node'] },
  example: {
    entry: 'examples/app/src/main.ts',
    forbidden: ['@hyperpage/runtime', '@kubernetes/client-node'],
  },
} as const satisfies Record<string, { entry: string; forbidden: readonly string[] }>;

export type Program = keyof typeof PROGRAMS;

export interface Bundle {
  /** False when nothing that the bundle is made of has changed. */
  written: boolean;
  /** Of what is loaded at start: the text of it stays in memory. */
  startBytes: number;
  /** Of what is loaded when a dynamic import asks for it. */
  laterBytes: number;
  /** Bytes loaded at start that come from each package, the largest first. */
  packages: ReadonlyArray<readonly [name: string, bytes: number]>;
}

// Bundled CommonJS packages call `require` for Node's own modules, and an ES module has none.
const REQUIRE_BANNER =
  "import{createRequire as bundleRequire}from'node:module';const require=bundleRequire(import.meta.url);";

// Tables of charsets that no program of ours reads are a third of a bundle; its text stays in memory, and each 100 kB
// of it costs a sidecar 0.6 MB (measured: 3 MB of 27). Express answers 415 to the charset, as to any it does not know.
const withoutCharsetTables: Plugin = {
  name: 'without-charset-tables',
  setup: (building) =>
    building.onLoad({ filter: /node_modules.iconv-lite.encodings.tables.[^/]+\.json$/ }, () => ({
      contents: "throw new Error('Encoding not recognized: its table is not bundled')",
      loader: 'js',
    })),
};

/** Bundles a program into `dist/<program>/main.js`, with source maps beside it; what it imports dynamically goes into
 *  files of its own there, and is read only when asked for. Functions and classes keep their names, so that stack
 *  traces and logs stay readable. @throws Error when a package got in that must not. */
export async function bundleProgram(program: Program, root: string): Promise<Bundle> {
  const record = join(root, 'dist', `${program}.build.json`);
  const before = await recordedResult<Omit<Bundle, 'written'>>(record, root);
  if (before) return { ...before, written: false };

  const begunMs = Date.now();
  const metafile = await runEsbuild(program, root);
  const outputs = Object.keys(metafile.outputs);
  await removeStale(join(root, 'dist', program), outputs);
  const result = describeBundle(program, metafile);
  const read = [...Object.keys(metafile.inputs), 'package-lock.json', relative(root, import.meta.filename)];
  await recordResult(record, { root, begunMs, read, wrote: outputs, result });
  return { ...result, written: true };
}

async function runEsbuild(program: Program, root: string): Promise<Metafile> {
  const { entry } = PROGRAMS[program];
  await mustExist(join(root, entry));
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { main: entry },
    outdir: `dist/${program}`,
    chunkNames: 'later-[hash]',
    splitting: true,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    minify: true,
    keepNames: true,
    lineLimit: 160,
    sourcemap: 'external',
    legalComments: 'none',
    banner: { js: REQUIRE_BANNER },
    plugins: [withoutCharsetTables],
    metafile: true,
    logLevel: 'warning',
  });
  return metafile;
}

function describeBundle(program: Program, metafile: Metafile): Omit<Bundle, 'written'> {
  const forbidden: readonly string[] = PROGRAMS[program].forbidden;
  const all = packageSizes(Object.values(metafile.outputs));
  const stowaway = all.find(([name]) => forbidden.includes(name));
  if (stowaway) throw new Error(`${stowaway[0]} must not be in the bundle of ${program}: see who imports it`);
  const start = loadedAtStart(metafile, `dist/${program}/main.js`);
  const later = Object.entries(metafile.outputs).filter(([path]) => path.endsWith('.js') && !start.has(path));
  return {
    startBytes: totalBytes([...start.values()]),
    laterBytes: totalBytes(later.map(([, output]) => output)),
    packages: packageSizes([...start.values()]),
  };
}

/** Removes what an earlier build left and this one did not write. */
async function removeStale(folder: string, outputs: readonly string[]): Promise<void> {
  const written = new Set(outputs.map((path) => basename(path)));
  for (const name of await readdir(folder)) {
    if (/\.js(\.map)?$/.test(name) && !written.has(name)) await rm(join(folder, name));
  }
}

type Output = Metafile['outputs'][string];

/** The entry and everything it imports with a statement, and so on. */
function loadedAtStart({ outputs }: Metafile, entry: string): Map<string, Output> {
  const loaded = new Map<string, Output>();
  const load = (path: string) => {
    const output = outputs[path];
    if (!output || loaded.has(path)) return;
    loaded.set(path, output);
    for (const { path: next, kind } of output.imports) if (kind === 'import-statement') load(next);
  };
  load(entry);
  return loaded;
}

const totalBytes = (outputs: readonly Output[]) => outputs.reduce((total, { bytes }) => total + bytes, 0);

/** Builds the example's web page into `into`: its script bundled for browsers, its HTML and static files copied. */
export async function bundlePage(root: string, into: string): Promise<void> {
  const page = join(root, 'examples/app/page');
  await mustExist(join(page, 'index.html'));
  await rm(into, { recursive: true, force: true });
  await mkdir(into, { recursive: true });
  await build({
    absWorkingDir: root,
    entryPoints: [join(page, 'main.tsx')],
    outdir: into,
    bundle: true,
    platform: 'browser',
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    minify: true,
    legalComments: 'none',
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'warning',
  });
  await cp(join(page, 'index.html'), join(into, 'index.html'));
  const files = join(page, 'static');
  if (await exists(files)) await cp(files, into, { recursive: true });
}

/** The package that a source file belongs to: its name below the last node_modules, or our own workspace's. */
export function packageOf(path: string): string {
  const installed = /(?:.*\/|^)node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path);
  if (installed?.[1]) return installed[1];
  return `@hyperpage/${path.startsWith('examples/app/') ? 'example-app' : path.split('/')[0]}`;
}

function packageSizes(outputs: readonly Output[]): Array<readonly [string, number]> {
  const sizes = new Map<string, number>();
  for (const { inputs } of outputs) {
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
      if (bytesInOutput > 0) sizes.set(packageOf(path), (sizes.get(packageOf(path)) ?? 0) + bytesInOutput);
    }
  }
  return [...sizes].sort((a, b) => b[1] - a[1]);
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

async function mustExist(path: string): Promise<void> {
  if (!(await exists(path))) throw new Error(`${path} does not exist: it is where a bundle starts`);
}
