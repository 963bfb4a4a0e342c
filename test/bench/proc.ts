import { readFile } from 'node:fs/promises';

/** What Linux tells about a process. */
export interface ProcessMemory {
  /** Pages of its own: what the process costs beyond files that pods of a node share. */
  anonymousMiB: number;
  /** All pages in memory, those of shared files too. */
  residentMiB: number;
}

/** Clock ticks a second in /proc: 100 on every Linux that Node runs on (`USER_HZ`). */
const TICKS_PER_SECOND = 100;

/** CPU time a process has used so far, user and system, in microseconds; steps of 10,000. */
export const cpuMicros = async (pid: number): Promise<number> =>
  cpuMicrosOf(await readFile(`/proc/${pid}/stat`, 'utf8'));

export const processMemory = async (pid: number): Promise<ProcessMemory> =>
  processMemoryOf(await readFile(`/proc/${pid}/smaps_rollup`, 'utf8'));

/** Reads `/proc/<pid>/stat`. The program's name, in parentheses, may hold anything. @throws Error when it does not fit. */
export function cpuMicrosOf(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  if (!Number.isFinite(ticks)) throw new Error('/proc/<pid>/stat: no utime and stime');
  return (ticks / TICKS_PER_SECOND) * 1e6;
}

/** Reads `/proc/<pid>/smaps_rollup`. @throws Error when a line is missing. */
export function processMemoryOf(smaps: string): ProcessMemory {
  const miB = (key: string) => {
    const kB = new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(smaps)?.[1];
    if (kB === undefined) throw new Error(`/proc/<pid>/smaps_rollup: no ${key}`);
    return Number(kB) / 1024;
  };
  return { anonymousMiB: miB('Anonymous'), residentMiB: miB('Rss') };
}
