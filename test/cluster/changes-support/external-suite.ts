import { readFile } from 'node:fs/promises';
import { IMAGES } from '@hyperpage/contract';
import { type Authority, startAuthority } from '../../support/certificates.ts';
import type { Ground } from '../support/ground.ts';
import { beside, leave } from './beside.ts';
import { expectUnharmed, Load } from './load.ts';
import { restrictedPod } from './pods.ts';
import { createScene, type Scene } from './scene.ts';

const PLAIN = 'changes-outside';
const SECURE = 'changes-outside-tls';
const PASSWORD = 'an outside password';
const FOLDER = '/run/outside';

export const EXTERNAL_NAMESPACES = [PLAIN, SECURE];

/** A Redis that the operator did not make: a pod `outside` behind a Service of its name. */
export interface Outside {
  /** Gives it commands, a line each. */
  ask(commands: string): Promise<string>;
  url: string;
}

/** Starts it with a password, and with TLS when there is an authority. */
export async function startOutside(scene: Scene, authority?: Authority): Promise<Outside> {
  const host = `outside.${scene.namespace}.svc`;
  const conf = [`requirepass "${PASSWORD}"`, 'save ""', 'dir /tmp'];
  const files: Record<string, string> = {};
  if (authority) {
    const { certFile, keyFile, ca } = await authority.issue(host);
    files['tls.crt'] = await readFile(certFile, 'utf8');
    files['tls.key'] = await readFile(keyFile, 'utf8');
    files['ca.crt'] = ca;
    conf.push('port 0', 'tls-port 6379', 'tls-auth-clients no');
    for (const [directive, file] of [
      ['cert-file', 'tls.crt'],
      ['key-file', 'tls.key'],
      ['ca-cert-file', 'ca.crt'],
    ])
      conf.push(`tls-${directive} ${FOLDER}/${file}`);
  }
  await scene.secret('outside', { ...files, 'redis.conf': `${conf.join('\n')}\n` });
  const pod = restrictedPod({
    name: 'outside',
    image: IMAGES.redis,
    command: ['redis-server', `${FOLDER}/redis.conf`],
    secrets: { [FOLDER]: 'outside' },
    labels: { outside: 'yes' },
  });
  await scene.kubectl(['apply', '-f', '-'], pod);
  const spec = { selector: { outside: 'yes' }, ports: [{ port: 6379 }] };
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'outside' }, spec };
  await scene.kubectl(['apply', '-f', '-'], JSON.stringify(service));
  await scene.kubectl(['wait', 'pod/outside', '--for=condition=Ready', '--timeout=90s']);
  const flags = authority ? '--tls --insecure' : '';
  return {
    ask: async (commands) => {
      const script = `export REDISCLI_AUTH=$(head -n 1); redis-cli ${flags} <<'END'\n${commands}\nEND`;
      return (
        await scene.kubectl(['exec', '-i', 'outside', '--', 'sh', '-c', script], `${PASSWORD}\n`)
      ).trim();
    },
    url: `${authority ? 'rediss' : 'redis'}://:${encodeURIComponent(PASSWORD)}@${host}:6379`,
  };
}

/** An app that uses a Redis of the user's own. */
export function externalSuite(groundOf: () => Ground): void {
  const open: Array<{ close(): void }> = [];
  let authority: Authority | undefined;

  afterAll(async () => {
    for (const one of open) one.close();
    await authority?.remove();
  });

  const serves = async (what: string, namespace: string, tls: boolean): Promise<void> => {
    const scene = await createScene(groundOf(), namespace);
    open.push(scene);
    if (tls) authority = await startAuthority();
    const outside = await startOutside(scene, tls ? authority : undefined);
    await outside.ask('set theirs untouched');
    const before = await outside.ask('config get *\nacl list');
    await scene.secret('outside-url', { url: outside.url });
    if (authority && tls) await scene.secret('outside-ca', { 'ca.crt': authority.ca });
    await scene.create({
      mode: 'External',
      urlSecretRef: { name: 'outside-url' },
      ...(tls ? { tls: { secretName: 'outside-ca' } } : {}),
    });
    await scene.settled();
    const load = await Load.start(scene);
    open.push(load);
    expectUnharmed(await load.rest(`External ${what}`));
    await expectOnlyOurs(outside);
    expect(await outside.ask('config get *\nacl list')).toBe(before);
    await leave(scene);
  };

  test(
    'a Redis of your own with a password serves the app, and gets nothing but keys and functions of ours',
    beside(serves, 'with a password', PLAIN, false),
  );

  test(
    'a Redis of your own with TLS serves the app, and gets nothing but keys and functions of ours',
    beside(serves, 'with TLS', SECURE, true),
  );
}

/** Keys under our prefix, our function library, and no command that sets anything else. */
async function expectOnlyOurs(outside: Outside): Promise<void> {
  const keys = (await outside.ask('scan 0 count 100000')).split('\n').slice(1).filter(Boolean);
  expect(keys.length).toBeGreaterThan(1);
  expect(keys.filter((key) => !key.startsWith('hyperpage:'))).toEqual(['theirs']);
  expect(await outside.ask('get theirs')).toBe('untouched');
  const libraries = (await outside.ask('function list')).split('\n');
  const names = libraries.filter((_, i) => libraries[i - 1] === 'library_name');
  expect(names).toHaveLength(1);
  expect(names[0]).toMatch(/^hyperpage_/);
  const calls = await outside.ask('info commandstats');
  expect(calls).not.toMatch(
    /cmdstat_(config\|set|config\|rewrite|acl\|setuser|replicaof|flush\w+|shutdown|debug)/,
  );
}
