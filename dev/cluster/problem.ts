/** Something the person at the keyboard can put right. The CLI prints `message` and `fix` and exits with 1; anything
 *  else that is thrown is a defect of ours and keeps its stack trace. */
export class ClusterProblem extends Error {
  /** What to do about it, as one or more lines; commands are given whole, ready to paste. */
  readonly fix: string;

  constructor(message: string, fix: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ClusterProblem';
    this.fix = fix;
  }
}
