/** The highest term anybody saw, kept beside the Lease: a Lease that was deleted and made again must not start
 *  terms anew (E2). */
export interface TermFloor {
  /** The floor, 0 when none was kept yet; undefined when it cannot be known now. */
  read(): Promise<number | undefined>;
  /** Raises the floor to `term`, never lowers it; gives the floor after it, or undefined when nobody confirmed it. */
  raise(term: number): Promise<number | undefined>;
}
