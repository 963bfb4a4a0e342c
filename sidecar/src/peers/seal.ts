import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const ALGORITHM = 'aes-256-gcm';

/** Sealed, nobody without the key can read it, change it, or make another (AES-256-GCM, NIST SP 800-38D; the nonce is
 *  random, which is good for 2^32 messages of one key). `bound` is what it belongs to: an answer is bound to its
 *  question, so that no other answer can take its place. */
export function seal(key: Buffer, text: string, bound: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(Buffer.from(bound));
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
}

/** @throws Error when it was sealed with another key, bound to something else, or changed. */
export function unseal(key: Buffer, bytes: Buffer, bound: string): string {
  if (bytes.length < NONCE_BYTES + TAG_BYTES) throw new Error('too short to be sealed');
  const nonce = bytes.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv(ALGORITHM, key, nonce).setAAD(Buffer.from(bound));
  decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  const sealed = bytes.subarray(NONCE_BYTES + TAG_BYTES);
  return Buffer.concat([decipher.update(sealed), decipher.final()]).toString('utf8');
}

/** The nonce tells one sealed message from every other. */
export const sealOf = (sealed: Buffer): string => sealed.subarray(0, NONCE_BYTES).toString('base64url');

/** The key that sidecars of one cluster seal with, of the secret that they share. */
export const keyOf = (secret: string): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, '', 'hyperpage peers 1', 32));
