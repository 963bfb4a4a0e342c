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

  it('shouts when a goal was missed', () => {
    const goal = { id: 'a', what: 'x', unit: 'ms', value: 1, goal: '<= 1 ms' };
    expect(table([{ ...goal, met: true }])).toMatch(/yes$/);
    expect(table([{ ...goal, met: false }])).toMatch(/NO$/);
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
