import { createReadStream } from 'node:fs';

/** One entry of a tar file; `path` is relative, without a leading or trailing slash. */
export interface TarEntry {
  path: string;
  kind: 'file' | 'directory' | 'symlink';
  mode: number;
  uid: number;
  gid: number;
  /** Of a symlink. */
  target?: string;
  /** Of a file: its bytes, or where to read exactly `sizeBytes` of them. */
  body?: Buffer | { from: string; sizeBytes: number };
}

const BLOCK_BYTES = 512;
const READ_BYTES = 1 << 20;
const TYPE_FLAGS = { file: '0', symlink: '2', directory: '5' } as const;

/** A tar file in the ustar format (POSIX.1-1988), every time stamp 0: the same entries give the same bytes.
 *  @throws Error when a path does not fit ustar's 155 + 100 bytes, or a file changes while it is read. */
export async function* tar(entries: Iterable<TarEntry>): AsyncGenerator<Buffer> {
  for (const entry of entries) {
    const sizeBytes = bodyBytes(entry);
    yield header(entry, sizeBytes);
    yield* body(entry);
    yield padding(sizeBytes);
  }
  yield Buffer.alloc(2 * BLOCK_BYTES);
}

const bodyBytes = ({ body }: TarEntry): number =>
  body === undefined ? 0 : Buffer.isBuffer(body) ? body.length : body.sizeBytes;

const padding = (sizeBytes: number) => Buffer.alloc((BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES);

async function* body({ path, body }: TarEntry): AsyncGenerator<Buffer> {
  if (body === undefined) return;
  if (Buffer.isBuffer(body)) {
    yield body;
    return;
  }
  let readBytes = 0;
  for await (const chunk of createReadStream(body.from, { highWaterMark: READ_BYTES })) {
    readBytes += (chunk as Buffer).length;
    yield chunk as Buffer;
  }
  // The header went out first: a wrong size would shift every entry after this one.
  if (readBytes !== body.sizeBytes) {
    throw new Error(`${body.from} changed while ${path} was packed: pack again`);
  }
}

function header(entry: TarEntry, sizeBytes: number): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  const { name, prefix } = splitPath(entry.kind === 'directory' ? `${entry.path}/` : entry.path);
  const octal = (value: number, at: number, width: number) =>
    block.write(`${value.toString(8).padStart(width - 1, '0')}\0`, at, 'latin1');
  block.write(name, 0);
  octal(entry.mode, 100, 8);
  octal(entry.uid, 108, 8);
  octal(entry.gid, 116, 8);
  octal(sizeBytes, 124, 12);
  octal(0, 136, 12);
  block.fill(' ', 148, 156);
  block.write(TYPE_FLAGS[entry.kind], 156);
  if (entry.target !== undefined) block.write(fitting(entry.target, 100), 157);
  block.write('ustar\x0000', 257, 'latin1');
  block.write(prefix, 345);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** ustar keeps a long path as a folder of up to 155 bytes and a name of up to 100. */
function splitPath(path: string): { name: string; prefix: string } {
  if (Buffer.byteLength(path) <= 100) return { name: path, prefix: '' };
  const cut = path.indexOf('/', Math.max(0, path.length - 101));
  return { name: fitting(path.slice(cut + 1), 100), prefix: fitting(path.slice(0, Math.max(0, cut)), 155) };
}

function fitting(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) > maxBytes) {
    throw new Error(`${text} is longer than the ${maxBytes} bytes a tar header has for it: shorten the path`);
  }
  return text;
}
