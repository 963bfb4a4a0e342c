export interface TarMember {
  path: string;
  type: 'file' | 'symlink' | 'directory';
  mode: number;
  uid: number;
  gid: number;
  mtime: number;
  target: string;
  body: Buffer;
}

const TYPES = { '0': 'file', '2': 'symlink', '5': 'directory' } as const;

/** Reads a ustar file by its standard, apart from the code that writes ours. @throws Error on a wrong checksum. */
export function readTar(bytes: Buffer): TarMember[] {
  const members: TarMember[] = [];
  let at = 0;
  while (bytes[at] !== 0 && at < bytes.length) {
    const block = bytes.subarray(at, at + 512);
    const text = (from: number, length: number) =>
      block
        .subarray(from, from + length)
        .toString('utf8')
        .split('\0')[0] ?? '';
    const octal = (from: number, length: number) => Number.parseInt(text(from, length), 8);
    const sum = block.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0);
    if (sum !== octal(148, 8)) throw new Error(`wrong checksum at byte ${at}`);
    const size = octal(124, 12);
    const prefix = text(345, 155);
    members.push({
      path: prefix ? `${prefix}/${text(0, 100)}` : text(0, 100),
      type: TYPES[text(156, 1) as keyof typeof TYPES],
      mode: octal(100, 8),
      uid: octal(108, 8),
      gid: octal(116, 8),
      mtime: octal(136, 12),
      target: text(157, 100),
      body: bytes.subarray(at + 512, at + 512 + size),
    });
    at += 512 + Math.ceil(size / 512) * 512;
  }
  if (bytes.length - at !== 1024) throw new Error('a tar file ends with two empty blocks');
  return members;
}
