import { inWords } from '../cluster/progress.ts';
import { type KindName, kindOf } from './catalogue.ts';
import { between, randomOf, shuffled } from './random.ts';
import { describeAction, type Step } from './steps.ts';

/** One fault with everything that is drawn for it. */
export interface Round {
  /** From 1. */
  number: number;
  kind: KindName;
  /** Quiet before the fault. */
  pauseMs: number;
  /** In [0, 1): which one, where several could be meant. */
  pick: number;
  steps: readonly Step[];
}

/** The rounds that follow from the seed. Each kind comes once before any comes again, in an order that is drawn. */
export function planRounds(options: { seed: number; rounds: number; kinds: readonly KindName[] }): Round[] {
  const random = randomOf(options.seed);
  const plan: Round[] = [];
  let bag: KindName[] = [];
  for (let number = 1; number <= options.rounds; number++) {
    if (bag.length === 0) bag = shuffled(random, options.kinds);
    const kind = bag.pop();
    if (!kind) throw new Error('There is no kind of fault to plan with.');
    plan.push({
      number,
      kind,
      pauseMs: between(random, 1_000, 5_000),
      pick: random(),
      steps: [...kindOf(kind).steps(random)].sort((a, b) => a.atMs - b.atMs),
    });
  }
  return plan;
}

/** `hang redis of the primary, after 7.2 s resume redis of the primary`. */
export const describeSteps = (steps: readonly Step[]): string =>
  steps
    .map((step) => `${step.atMs > 0 ? `after ${inWords(step.atMs)} ` : ''}${describeAction(step)}`)
    .join(', ');
