import { warningLines } from '../../../dev/chaos/confirm.ts';
import { readOptions, UsageError } from '../../../dev/chaos/options.ts';

test('without arguments it runs ten rounds of everything on a cluster of its own', () => {
  expect(readOptions([])).toEqual({ help: false, rounds: 10, yes: false, plan: false });
});

test('seed, rounds and faults are read', () => {
  const options = readOptions(['--seed', '42', '--rounds', '3', '--faults', 'roll, kill-primary']);
  expect(options).toMatchObject({ seed: 42, rounds: 3, kinds: ['kill-primary', 'roll'] });
});

test('a cluster of somebody is meant when it is named', () => {
  const { target } = readOptions(['--cluster', 'shop', '--namespace', 'web', '--context', 'staging']);
  expect(target).toEqual({ cluster: 'shop', namespace: 'web', context: 'staging' });
  expect(readOptions(['--cluster', 'shop']).target).toEqual({ cluster: 'shop', namespace: 'default' });
});

test.each([
  [['--namespace', 'web'], /--cluster NAME/],
  [['--kubeconfig', 'file'], /--cluster NAME/],
  [['--faults', 'earthquake'], /no fault "earthquake"\. There are: kill-primary/],
  [['--faults', ','], /names none/],
  [['--rounds', '0'], /--rounds wants a whole number from 1/],
  [['--seed', '1.5'], /--seed wants/],
  [['--sed', '1'], /--sed/],
  [['shop'], /shop/],
])('%j is refused with what to write instead', (args, message) => {
  expect(() => readOptions(args)).toThrow(UsageError);
  expect(() => readOptions(args)).toThrow(message);
});

test('the warning names the cluster, the API server, and what will be done', () => {
  const question = {
    namespace: 'web',
    cluster: 'shop',
    server: 'https://staging:6443',
    rounds: 5,
    kinds: ['kill-primary', 'roll'],
  };
  const text = warningLines(question).join('\n');
  for (const part of ['web/shop', 'https://staging:6443', '5 times', 'kill-primary, roll'])
    expect(text).toContain(part);
});
