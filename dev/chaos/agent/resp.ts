/** As much of Redis's protocol (RESP2) as the agent needs. Bulk strings are read as latin1, so that bytes survive. */
export type Reply = string | number | null | RefusedReply | Reply[];

/** An error that Redis answered: `READONLY …`, `NOREPLICAS …`. */
export class RefusedReply extends Error {
  /** Its first word. */
  get code(): string {
    return this.message.split(' ', 1)[0] ?? '';
  }
}

export function encode(args: ReadonlyArray<string | number>): Buffer {
  const parts = args.map((arg) => {
    const text = String(arg);
    return `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
  });
  return Buffer.from(`*${args.length}\r\n${parts.join('')}`);
}

/** Takes chunks as they come and gives the replies that they complete. */
export class ReplyReader {
  #pending: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): Reply[] {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const replies: Reply[] = [];
    let at = 0;
    for (;;) {
      const read = parse(this.#pending, at);
      if (!read) break;
      replies.push(read.reply);
      at = read.next;
    }
    this.#pending = this.#pending.subarray(at);
    return replies;
  }
}

type Parsed = { reply: Reply; next: number } | undefined;

function parse(bytes: Buffer, at: number): Parsed {
  const end = bytes.indexOf('\r\n', at);
  if (end < 0) return undefined;
  const text = bytes.toString('latin1', at + 1, end);
  const next = end + 2;
  switch (String.fromCharCode(bytes[at] as number)) {
    case '+':
      return { reply: text, next };
    case '-':
      return { reply: new RefusedReply(text), next };
    case ':':
      return { reply: Number(text), next };
    case '$':
      return parseBulk(bytes, next, Number(text));
    case '*':
      return parseArray(bytes, next, Number(text));
    default:
      throw new Error('This is not what Redis says: is the port right, and TLS?');
  }
}

function parseBulk(bytes: Buffer, at: number, length: number): Parsed {
  if (length < 0) return { reply: null, next: at };
  if (bytes.length < at + length + 2) return undefined;
  return { reply: bytes.toString('latin1', at, at + length), next: at + length + 2 };
}

function parseArray(bytes: Buffer, at: number, length: number): Parsed {
  if (length < 0) return { reply: null, next: at };
  const items: Reply[] = [];
  let next = at;
  for (let i = 0; i < length; i++) {
    const item = parse(bytes, next);
    if (!item) return undefined;
    items.push(item.reply);
    next = item.next;
  }
  return { reply: items, next };
}
