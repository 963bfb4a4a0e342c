import { lookupOfNet, rememberingLookup } from '../../../../sidecar/src/redis/name-lookup.ts';
import { settled, VirtualClock } from '../../../support/virtual-clock.ts';

/** A DNS that a test answers for. */
function dns() {
  const clock = new VirtualClock();
  const asked: Array<{ host: string; resolve: (address: string) => void; reject: (error: Error) => void }> =
    [];
  const lookup = rememberingLookup(
    (host) => new Promise((resolve, reject) => asked.push({ host, resolve, reject })),
    clock,
  );
  return { clock, asked, lookup };
}

describe('a lookup that remembers', () => {
  test('an address is no name: nobody is asked', async () => {
    const { lookup, asked } = dns();
    expect([await lookup('10.0.0.1'), await lookup('::1')]).toEqual(['10.0.0.1', '::1']);
    expect(asked).toEqual([]);
  });

  test('while DNS answers, what it says now is used', async () => {
    const { lookup, asked } = dns();
    for (const address of ['10.0.0.1', '10.0.0.2']) {
      const found = lookup('redis');
      asked.at(-1)?.resolve(address);
      expect(await found).toBe(address);
      await settled();
    }
  });

  test('when DNS fails the last address stands; a name never resolved fails', async () => {
    const { lookup, asked } = dns();
    const first = lookup('redis');
    asked[0]?.resolve('10.0.0.1');
    await first;
    await settled();
    const [known, unknown] = [lookup('redis'), lookup('other')];
    for (const { reject } of asked.slice(1)) reject(new Error('EAI_AGAIN'));
    expect(await known).toBe('10.0.0.1');
    await expect(unknown).rejects.toThrow('EAI_AGAIN');
  });

  test('a DNS that hangs is waited for briefly, once, and a late answer counts from then on', async () => {
    const { lookup, asked, clock } = dns();
    const first = lookup('redis');
    asked[0]?.resolve('10.0.0.1');
    await first;
    await settled();
    const slow = lookup('redis');
    await clock.advance(500);
    expect(await slow).toBe('10.0.0.1');
    expect(await Promise.race([lookup('redis'), settled().then(() => 'waits')])).toBe('10.0.0.1');
    expect(asked).toHaveLength(2);
    asked[1]?.resolve('10.0.0.2');
    await settled();
    const failing = lookup('redis');
    asked[2]?.reject(new Error('EAI_AGAIN'));
    expect(await failing).toBe('10.0.0.2');
  });

  test('a name never resolved is not waited for without end', async () => {
    const { lookup, clock } = dns();
    const found = lookup('redis').catch((error: Error) => error.message);
    await clock.advance(2000);
    expect(await found).toMatch(/no answer from DNS/);
  });

  test('a connection takes it in the shape that it asks for', async () => {
    const ask = (all: boolean) =>
      new Promise((resolve) => {
        lookupOfNet(async () => '10.0.0.1')('redis', { all }, (...given) => resolve(given));
      });
    expect(await ask(false)).toEqual([null, '10.0.0.1', 4]);
    expect(await ask(true)).toEqual([null, [{ address: '10.0.0.1', family: 4 }]]);
  });
});
