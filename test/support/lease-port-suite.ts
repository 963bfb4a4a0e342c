import { LEASE_ANNOTATIONS } from '@hyperpage/contract';
import { type Lease, type LeasePort, microTime, neverHeld, type WriteOutcome } from '@hyperpage/runtime';

export interface LeasePortSubject {
  /** A port on a Lease `name` that does not exist yet. */
  port: LeasePort;
  name: string;
  namespace: string;
  /** Deletes the Lease, as somebody with kubectl would. */
  remove: () => Promise<void>;
}

/** What an election relies on, of every adapter. */
export function describeLeasePort(subject: () => Promise<LeasePortSubject>): void {
  const made = async () => {
    const { port, name, namespace, remove } = await subject();
    const lease = written(await port.create(neverHeld(name, namespace)));
    return { port, name, namespace, remove, lease };
  };

  test('a Lease that does not exist reads as missing', async () => {
    const { port } = await subject();
    expect(await port.read()).toEqual({ kind: 'missing' });
  });

  test('a Lease that was made reads as it was made, with an identity and a resourceVersion', async () => {
    const { port, lease } = await made();
    expect(await port.read()).toEqual({ kind: 'found', lease });
    expect(lease.metadata).toMatchObject({
      uid: expect.any(String) as string,
      resourceVersion: expect.any(String) as string,
      annotations: { [LEASE_ANNOTATIONS.term]: '0' },
    });
    expect(lease.spec?.holderIdentity).toBe('');
  });

  test('of two that make it one succeeds and the other is told of a conflict', async () => {
    const { port, name, namespace } = await subject();
    const outcomes = await Promise.all([
      port.create(neverHeld(name, namespace)),
      port.create(neverHeld(name, namespace)),
    ]);
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['conflict', 'written']);
  });

  test('an update gives the Lease as it stands then, times to the microsecond', async () => {
    const { port, lease } = await made();
    const spec = {
      holderIdentity: 'a_1',
      leaseDurationSeconds: 6,
      leaseTransitions: 1,
      acquireTime: microTime(1_900_000_000_123_456),
      renewTime: microTime(1_900_000_000_123_457),
    };
    const held = written(await port.update({ ...lease, spec }));
    expect(held.spec).toEqual(spec);
    expect(held.metadata.uid).toBe(lease.metadata.uid);
    expect(held.metadata.resourceVersion).not.toBe(lease.metadata.resourceVersion);
    expect(await port.read()).toEqual({ kind: 'found', lease: held });
  });

  test('of two that update the same version one succeeds and the other is told of a conflict', async () => {
    const { port, lease } = await made();
    const take = (holderIdentity: string) => port.update({ ...lease, spec: { holderIdentity } });
    const outcomes = await Promise.all([take('a_1'), take('b_1')]);
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['conflict', 'written']);
  });

  test('an update of a Lease that was deleted does not bring it back', async () => {
    const { port, lease, remove } = await made();
    await remove();
    const outcome = await port.update({ ...lease, spec: { holderIdentity: 'a_1' } });
    expect(['missing', 'conflict']).toContain(outcome.kind);
    expect(await port.read()).toEqual({ kind: 'missing' });
  });

  test('an update of a Lease that was deleted and made anew changes nothing', async () => {
    const { port, name, namespace, lease, remove } = await made();
    await remove();
    const anew = written(await port.create(neverHeld(name, namespace)));
    expect(anew.metadata.uid).not.toBe(lease.metadata.uid);
    expect(await port.update({ ...lease, spec: { holderIdentity: 'a_1' } })).toEqual({ kind: 'conflict' });
    expect(await port.read()).toEqual({ kind: 'found', lease: anew });
  });

  test('labels and owners go back as they came', async () => {
    const { port, name, namespace } = await subject();
    const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: 'u-1' };
    const metadata = {
      ...neverHeld(name, namespace).metadata,
      labels: { part: 'x' },
      ownerReferences: [owner],
    };
    const lease = written(await port.create({ ...neverHeld(name, namespace), metadata }));
    const updated = written(await port.update({ ...lease, spec: { holderIdentity: 'a_1' } }));
    expect(updated.metadata).toMatchObject({ labels: { part: 'x' }, ownerReferences: [owner] });
  });
}

function written(outcome: WriteOutcome): Lease {
  if (outcome.kind !== 'written') throw new Error(`expected a written Lease, got ${JSON.stringify(outcome)}`);
  return outcome.lease;
}
