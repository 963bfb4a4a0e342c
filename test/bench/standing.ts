/** One go of a contender under a load. */
export interface Round {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** CPU of the process for each request, user and system, in microseconds. */
  cpuMicros: number;
}

/** How a contender stood up to a load. */
export interface Standing extends Round {
  load: string;
  contender: string;
  /** After the load. */
  anonymousMiB: number;
  residentMiB: number;
}
