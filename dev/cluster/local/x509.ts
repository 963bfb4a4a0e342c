import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';

/** Certificates for the cluster's own use, in the form of RFC 5280: P-256 keys, signed with ECDSA and SHA-256.
 *  Node's crypto reads certificates and does not write them; this is the little of DER that writing one takes, and it
 *  spares a start the dozens of openssl processes that were most of its cost. */
export interface CertificateRequest {
  commonName: string;
  /** Kubernetes reads these as groups. */
  organizations?: readonly string[];
  dnsNames?: readonly string[];
  ipAddresses?: readonly string[];
  validDays: number;
}

/** PEM texts of a certificate and its key (PKCS #8). */
export interface KeyAndCertificate {
  key: string;
  certificate: string;
}

export interface Authority extends KeyAndCertificate {
  commonName: string;
}

/** A self-signed certificate that may sign others. */
export function createAuthority(commonName: string, validDays: number, now: Date): Authority {
  const keys = newKeys();
  const extensions = [
    extension(OID.basicConstraints, true, sequence(boolean(true))),
    // Bits digitalSignature, keyCertSign and cRLSign.
    extension(OID.keyUsage, true, Buffer.from([0x03, 0x02, 0x01, 0x86])),
  ];
  const issued = certificate(
    { commonName, validDays },
    keys,
    { commonName, key: keys.privateKey },
    extensions,
    now,
  );
  return { commonName, ...issued };
}

/** A certificate for a server and a client at once. */
export function issue(request: CertificateRequest, authority: Authority, now: Date): KeyAndCertificate {
  const names = [
    ...(request.dnsNames ?? []).map((name) => tagged(0x82, Buffer.from(name))),
    ...(request.ipAddresses ?? []).map((address) =>
      tagged(0x87, Buffer.from(address.split('.').map(Number))),
    ),
  ];
  const extensions = [
    extension(OID.basicConstraints, true, sequence()),
    extension(OID.keyUsage, true, Buffer.from([0x03, 0x02, 0x07, 0x80])),
    extension(OID.extendedKeyUsage, false, sequence(oid(OID.serverAuth), oid(OID.clientAuth))),
    ...(names.length > 0 ? [extension(OID.subjectAltName, false, sequence(...names))] : []),
  ];
  const signer = { commonName: authority.commonName, key: createPrivateKey(authority.key) };
  return certificate(request, newKeys(), signer, extensions, now);
}

const newKeys = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });

function certificate(
  request: CertificateRequest,
  keys: { publicKey: KeyObject; privateKey: KeyObject },
  signer: { commonName: string; key: KeyObject },
  extensions: readonly Buffer[],
  now: Date,
): KeyAndCertificate {
  const algorithm = sequence(oid(OID.ecdsaWithSha256));
  const publicKey = keys.publicKey.export({ type: 'spki', format: 'der' });
  const keyId = createHash('sha1').update(publicKey).digest();
  const toBeSigned = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    // A serial number is positive and at most 20 octets.
    integer(Buffer.concat([Buffer.from([0x01]), randomBytes(15)])),
    algorithm,
    distinguishedName(signer.commonName, []),
    // Begun an hour early, for clients whose clock is behind.
    sequence(
      time(new Date(now.getTime() - 3_600_000)),
      time(new Date(now.getTime() + request.validDays * 86_400_000)),
    ),
    distinguishedName(request.commonName, request.organizations ?? []),
    publicKey,
    tagged(0xa3, sequence(...extensions, extension(OID.subjectKeyIdentifier, false, tagged(0x04, keyId)))),
  );
  const signature = sign('sha256', toBeSigned, signer.key);
  const whole = sequence(toBeSigned, algorithm, tagged(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = whole.toString('base64').replace(/(.{64})(?=.)/g, '$1\n');
  return {
    key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    certificate: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
  };
}

const OID = {
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
} as const;

/** One DER element: its tag, its length, its content. */
function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
  const octets = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...octets]), content]);
}

const sequence = (...parts: readonly Buffer[]) => tagged(0x30, Buffer.concat(parts));
const set = (part: Buffer) => tagged(0x31, part);
const boolean = (value: boolean) => tagged(0x01, Buffer.from([value ? 0xff : 0]));
const integer = (bytes: Buffer) => tagged(0x02, bytes);
const text = (value: string) => tagged(0x0c, Buffer.from(value));

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const octets = [first * 40 + second];
  for (const arc of rest) {
    const sevens = [arc & 0x7f];
    for (let left = arc >> 7; left > 0; left >>= 7) sevens.unshift((left & 0x7f) | 0x80);
    octets.push(...sevens);
  }
  return tagged(0x06, Buffer.from(octets));
}

const distinguishedName = (commonName: string, organizations: readonly string[]) =>
  sequence(
    ...organizations.map((name) => set(sequence(oid(OID.organization), text(name)))),
    set(sequence(oid(OID.commonName), text(commonName))),
  );

/** UTCTime, which RFC 5280 wants for dates before 2050. */
const time = (date: Date) =>
  tagged(0x17, Buffer.from(`${date.toISOString().slice(2, 19).replaceAll(/[-T:]/g, '')}Z`));

const extension = (id: string, critical: boolean, value: Buffer) =>
  sequence(oid(id), ...(critical ? [boolean(true)] : []), tagged(0x04, value));
