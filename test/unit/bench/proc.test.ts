import { cpuMicrosOf, processMemoryOf } from '../../bench/proc.ts';

describe('cpuMicrosOf', () => {
  it('adds user and system time, whatever the name of the program holds', () => {
    const stat = `4711 (a) b (c)) S ${Array.from({ length: 40 }, (_, index) => index + 4).join(' ')}`;
    // Fields 14 and 15 of proc(5), which are 14 and 15 here: hundredths of a second.
    expect(cpuMicrosOf(stat)).toBe((14 + 15) * 10_000);
  });

  it('refuses what is no stat line', () => {
    expect(() => cpuMicrosOf('garbage')).toThrow('utime');
  });
});

describe('processMemoryOf', () => {
  const smaps =
    '5580-7ff0 ---p 00000000 00:00 0 [rollup]\nRss:   43008 kB\nPss: 1 kB\nAnonymous:  7168 kB\nShmemPmdMapped: 0 kB\n';

  it('reads anonymous and resident memory in MiB', () => {
    expect(processMemoryOf(smaps)).toEqual({ anonymousMiB: 7, residentMiB: 42 });
  });

  it('names the line that is missing', () => {
    expect(() => processMemoryOf('Rss: 1 kB\n')).toThrow('Anonymous');
  });
});
