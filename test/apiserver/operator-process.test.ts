import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { KubeHttp } from '@hyperpage/runtime';
import { freshNamespace, sharedApiServer } from '../support/apiserver.ts';
import { installCrd } from '../support/crd.ts';
import { eventually } from '../support/eventually.ts';
import { OperatorWorld } from '../support/operator.ts';

const MAIN = new URL('../../operator/src/main.ts', import.meta.url).pathname;

/** The operator as a process. */
class Process {
  readonly lines: Array<Record<string, unknown>> = [];
  readonly child: ChildProcess;
  stderr = '';

  constructor(env: Record<string, string>, ...args: string[]) {
    this.child = spawn(process.execPath, [MAIN, ...args], {
      env: { PATH: process.env['PATH'] ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stderr?.on('data', (text: Buffer) => {
      this.stderr += text.toString();
    });
    createInterface({ input: this.child.stdout! }).on('line', (line) => {
      this.lines.push(line.startsWith('{') ? (JSON.parse(line) as Record<string, unknown>) : { text: line });
    });
  }
  said = (msg: string) => this.lines.find((line) => line['msg'] === msg);
  get port(): number {
    return Number(this.said('operator started')?.['port']);
  }
  async ended(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit');
    return this.child.exitCode;
  }
}

describe('the operator as a process', () => {
  let http: KubeHttp;
  let world: OperatorWorld;
  let kubeconfigPath: string;
  let started: Process[] = [];

  beforeAll(async () => {
    ({ http, kubeconfigPath } = await sharedApiServer());
    await installCrd(http);
  });
  afterAll(() => http.close());
  beforeEach(async () => {
    world = new OperatorWorld(http, await freshNamespace(http, 'process'));
    await world.objects.create({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: world.key('hyperpage-operator'),
    });
  });
  afterEach(async () => {
    for (const { child } of started) child.kill('SIGKILL');
    await Promise.all(started.map((each) => each.ended()));
    started = [];
  });

  const start = async (name: string): Promise<Process> => {
    const operator = new Process({
      KUBECONFIG: kubeconfigPath,
      HYPERPAGE_OPERATOR_POD_NAME: name,
      HYPERPAGE_OPERATOR_NAMESPACE: world.namespace,
      HYPERPAGE_OPERATOR_WATCH_NAMESPACE: world.namespace,
      HYPERPAGE_OPERATOR_PORT: '0',
      HYPERPAGE_OPERATOR_LEASE_TIMEOUT_MS: '3000',
    });
    started.push(operator);
    await eventually('its caches are filled', () => operator.said('caches filled'));
    return operator;
  };
  const get = async ({ port }: Process, path: string) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`);
    return { status: answer.status, text: await answer.text() };
  };
  const leads = (operator: Process) => eventually('it leads', () => operator.said('became leader'));

  test('of two, one leads; when it is killed the other goes on', async () => {
    const first = await start('first');
    await leads(first);
    const second = await start('second');
    await world.make({ app: { image: 'example:1' } });
    await world.exists('Deployment', 'demo');
    expect(second.said('became leader')).toBeUndefined();
    first.child.kill('SIGKILL');
    await world.objects.delete('Service', world.key('demo'));
    await leads(second);
    await world.exists('Service', 'demo');
  });

  test('on SIGTERM it ends its work, gives the Lease back and exits with 0', async () => {
    const first = await start('first');
    await leads(first);
    first.child.kill('SIGTERM');
    expect(await first.ended()).toBe(0);
    expect((await world.get('Lease', 'hyperpage-operator')).spec?.holderIdentity ?? '').toBe('');
    expect(first.said('stopped')).toBeDefined();
  });

  test('when somebody else takes the Lease it ends at once with 1', async () => {
    const first = await start('first');
    await leads(first);
    await world.patch('Lease', 'hyperpage-operator', { spec: { holderIdentity: 'thief_1' } });
    expect(await first.ended()).toBe(1);
  });

  test('tells its health and its metrics', async () => {
    const operator = await start('first');
    await leads(operator);
    await world.make({ app: { image: 'example:1' } });
    await world.says('Paused', 'NotPaused');
    expect(await get(operator, '/healthz')).toEqual({ status: 200, text: 'ok\n' });
    expect(await get(operator, '/readyz')).toEqual({ status: 200, text: 'ok\n' });
    expect((await get(operator, '/other')).status).toBe(404);
    const { text } = await get(operator, '/metrics');
    const labels = `namespace="${world.namespace}",name="demo",type="Paused"`;
    expect(text).toContain(`hyperpage_operator_condition{${labels},status="False"} 1`);
    expect(text).toContain(`hyperpage_operator_condition{${labels},status="True"} 0`);
    expect(text).toMatch(/hyperpage_operator_queue_depth \d/);
    expect(text).toMatch(/hyperpage_operator_reconcile_seconds_count\{result="requeue"\} [1-9]/);
  });

  test('garbage in a setting ends it with the name, what it got and what it wants', async () => {
    const operator = new Process({ HYPERPAGE_OPERATOR_PORT: 'eighty' });
    started.push(operator);
    expect(await operator.ended()).toBe(1);
    expect(operator.stderr).toMatch(/HYPERPAGE_OPERATOR_PORT is "eighty"; it wants a whole number/);
    expect(operator.stderr).not.toMatch(/ at .*main\.ts/);
  });

  test('--help tells every setting and needs no cluster', async () => {
    const operator = new Process({}, '--help');
    started.push(operator);
    expect(await operator.ended()).toBe(0);
    expect(operator.lines.map(({ text }) => text).join('\n')).toMatch(/HYPERPAGE_OPERATOR_WORKERS/);
  });
});
