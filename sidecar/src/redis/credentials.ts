import { readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Clock, every, type Logger, SettingsError } from '@hyperpage/runtime';

/** What servers want to hear from us, as the files say it. */
export interface Credentials {
  /** Undefined where none is wanted, or it stands elsewhere (in a URL). */
  readonly password: string | undefined;
  /** Grows each time the password changes; undefined where nobody counts. */
  readonly generation: number | undefined;
}

/** The credentials of this process. They may change while it runs. */
export interface CredentialWatch {
  /** As they were read last: the same object until they change. */
  current(): Credentials;
  /** Reads them now, for a connection that is about to be made. */
  reread(): Credentials;
  /** Calls `listener` when they changed. Gives the way to stop. */
  onChange(listener: () => void): () => void;
  /** A server refused `credentials` on a connection that stays as it is: said once, however many do. */
  refused(credentials: Credentials, reason: string): void;
  close(): void;
}

const POLL_MS = 1000;
/** Kubelet swaps once in minutes: the second is good. */
const ATTEMPTS = 5;
const NONE: Credentials = { password: undefined, generation: undefined };

/** The name of a connection: the operator reads in it which credentials were accepted from us last. */
export const connectionName = (role: string, { generation }: Credentials): string =>
  generation === undefined ? role : `${role}@${generation}`;

/** The password of `passwordFile` and the generation that its neighbour `generation` tells.
 *
 *  Kubelet replaces a mounted folder by swapping a symbolic link. Both files are read through one resolved folder, and
 *  again when the link moved meanwhile: a password is never told with the generation of another.
 *  @throws Error when there is no such file. */
export function readCredentials(passwordFile: string): Credentials {
  let problem: unknown;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      const resolved = realpathSync(passwordFile);
      const password = readFileSync(resolved, 'utf8').trimEnd() || undefined;
      const generation = readGeneration(join(dirname(resolved), 'generation'));
      if (realpathSync(passwordFile) === resolved) return { password, generation };
      problem = new Error('the folder is replaced over and over');
    } catch (error) {
      problem = error;
    }
  }
  throw problem;
}

function readGeneration(file: string): number | undefined {
  try {
    const text = readFileSync(file, 'utf8').trim();
    return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  } catch {
    // Set-ups without rotation have no such file.
    return undefined;
  }
}

/** Looks at `passwordFile` and its neighbour about each second. Undefined: there are no credentials, and never will be.
 *  @throws SettingsError when the file cannot be read now. */
export function watchCredentials(
  passwordFile: string | undefined,
  { clock, log }: { clock: Clock; log: Logger },
): CredentialWatch {
  const listeners = new Set<() => void>();
  let current = passwordFile === undefined ? NONE : firstOf(passwordFile);
  let unreadable = false;
  let refused: Credentials | undefined;

  const reread = () => {
    if (passwordFile === undefined) return current;
    try {
      const found = readCredentials(passwordFile);
      unreadable = false;
      // Empty while somebody writes it: nobody takes a password away by emptying the file.
      const emptied = found.password === undefined && current.password !== undefined;
      if (emptied || isSame(found, current)) return current;
      current = found;
      log.info({ generation: found.generation }, 'Redis credentials changed');
      for (const listener of listeners) listener();
    } catch (error) {
      if (!unreadable) log.warn({ reason: reasonOf(error) }, 'Redis password file not readable');
      unreadable = true;
    }
    return current;
  };
  const poll =
    passwordFile === undefined
      ? undefined
      : every(
          clock,
          POLL_MS,
          () => void reread(),
          () => {},
        );

  return {
    current: () => current,
    reread,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    refused(credentials, reason) {
      if (refused === credentials) return;
      refused = credentials;
      const { generation } = credentials;
      log.warn({ generation, reason }, 'Redis does not accept the new credentials yet');
    },
    close: () => poll?.cancel(),
  };
}

function firstOf(passwordFile: string): Credentials {
  try {
    return readCredentials(passwordFile);
  } catch (cause) {
    const problem =
      `HYPERPAGE_REDIS_PASSWORD_FILE is ${JSON.stringify(passwordFile)}, which cannot be read ` +
      `(${reasonOf(cause)}); it wants a file with the password of Redis, mounted into this container`;
    throw new SettingsError([problem]);
  }
}

const isSame = (a: Credentials, b: Credentials) => a.password === b.password && a.generation === b.generation;

/** Of an error of the file system: its code says enough. */
const reasonOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : String(error);
