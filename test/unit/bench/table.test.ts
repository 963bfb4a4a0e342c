import { table } from '../../bench/table.ts';

const lines = (text: string) => text.split('\n');

describe('table', () => {
  it('aligns every column below its heading', () => {
    const text = table([
      { id: 'a', what: 'a long description', unit: 'ms', value: 1 },
      { id: 'b', what: 'short', unit: 'requests', value: 22 },
    ]);
    const [heading = '', first = '', second = ''] = lines(text);
    const column = heading.indexOf('unit');
    expect([first.slice(column, column + 2), second.slice(column, column + 8)]).toEqual(['ms', 'requests']);
  });

  it('leaves absent figures empty and pads nothing at the end', () => {
    const [heading = '', line = ''] = lines(table([{ id: 'a', what: 'x', unit: 'ms', value: 1.5 }]));
    expect(line.trimEnd()).toBe(line);
    expect(line.slice(heading.indexOf('value')).trim()).toBe('1.50');
  });

  it('says in words whether a goal was met, and shouts when it was not', () => {
    const goal = { id: 'a', what: 'x', unit: 'ms', value: 1, goal: '<= 1 ms' };
    expect(table([{ ...goal, met: true }])).toMatch(/ pass$/);
    expect(table([{ ...goal, met: false }])).toMatch(/ FAIL$/);
  });

  it('shows a goal whose figure could not be had as not measured', () => {
    expect(table([{ id: 'a', what: 'x', unit: 'ms', goal: '<= 1 ms' }])).toMatch(/<= 1 ms .*not measured$/);
  });

  it('puts contenders under their load, and before the figures that are made of them', () => {
    const standing = (contender: string) => ({
      contender,
      load: 'read',
      perSecond: 1234.5,
      p50Ms: 1.5,
      p99Ms: 9,
      cpuMicros: 80,
      anonymousMiB: 20,
      residentMiB: 60,
    });
    const contested = (contender: string) => ({
      id: contender,
      what: 'a read',
      unit: 'ms',
      standing: standing(contender),
    });
    const figure = { id: 'a', what: 'CPU of a read', unit: 'us', value: 80 };
    const text = lines(table([figure, contested('ours'), contested('theirs')]));
    expect(text.map((line) => line.trim().split(/ {2,}/)[0])).toEqual([
      'load and contender',
      'a read',
      'ours',
      'theirs',
      '',
      'what',
      'CPU of a read',
    ]);
    expect(text[2]).toMatch(/ours +1235 +1\.50 +9 +80 +20 +60$/);
  });

  it('shows whole and large numbers without decimals', () => {
    const values = [0, 3, 12.345, 123.456].map((value) => ({ id: 'a', what: 'x', unit: 'y', value }));
    expect(
      lines(table(values))
        .slice(1)
        .map((line) => line.split(/\s+/).at(-1)),
    ).toEqual(['0', '3', '12.3', '123']);
  });
});
