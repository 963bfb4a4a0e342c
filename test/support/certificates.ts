import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** What a server shows, as files. */
export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
  /** The authority's certificate, as text. */
  readonly ca: string;
  /** The only name in it. */
  readonly dnsName: string;
}

export interface Authority {
  readonly caFile: string;
  /** Its certificate, as text. */
  readonly ca: string;
  /** A certificate for a server of this name; into the files of `over`, if given. */
  issue(dnsName: string, over?: Certificate): Promise<Certificate>;
  remove(): Promise<void>;
}

const openssl = (...args: string[][]) => promisify(execFile)('openssl', args.flat());
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];

/** A certificate authority of a test's own, in a temporary folder. */
export async function startAuthority(): Promise<Authority> {
  const folder = await mkdtemp(join(tmpdir(), 'hyperpage-authority-'));
  const [caFile, caKeyFile] = [join(folder, 'ca.crt'), join(folder, 'ca.key')];
  await openssl(['req', '-x509', ...NEW_KEY, '-subj', '/CN=a test', '-keyout', caKeyFile, '-out', caFile]);
  const ca = await readFile(caFile, 'utf8');
  let issued = 0;
  return {
    caFile,
    ca,
    async issue(dnsName, over) {
      issued += 1;
      const certFile = over?.certFile ?? join(folder, `${issued}.crt`);
      const keyFile = over?.keyFile ?? join(folder, `${issued}.key`);
      const extensions = [`subjectAltName=DNS:${dnsName}`, 'basicConstraints=critical,CA:FALSE'];
      await openssl(
        ['req', '-x509', '-CA', caFile, '-CAkey', caKeyFile, ...NEW_KEY, '-subj', `/CN=${issued}`],
        extensions.flatMap((extension) => ['-addext', extension]),
        ['-keyout', keyFile, '-out', certFile],
      );
      return { certFile, keyFile, caFile, ca, dnsName };
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
