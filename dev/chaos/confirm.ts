import { createInterface } from 'node:readline/promises';
import { UsageError } from './options.ts';

/** What is asked before somebody's own cluster is broken. */
export interface Question {
  namespace: string;
  cluster: string;
  server: string;
  rounds: number;
  kinds: readonly string[];
}

/** The warning, as lines. */
export const warningLines = ({ namespace, cluster, server, rounds, kinds }: Question): string[] => [
  `This breaks the HyperpageCluster ${namespace}/${cluster} on ${server}, on purpose, ${rounds} times:`,
  `  ${kinds.join(', ')}`,
  'Its users will notice: sessions cannot be saved for seconds at a time. A defect could lose data.',
  'Processes of Redis are killed and stopped, pods of the app, of Redis and of the operator are deleted, and the CPU',
  'request of Redis is changed by a thousandth and back. Test keys hyperpage:chaos:* are written and removed again.',
];

/** Asks for the cluster's name. @throws UsageError when it is not given, or when there is nobody to ask. */
export async function confirm(question: Question, say: (line: string) => void): Promise<void> {
  for (const line of warningLines(question)) say(line);
  if (!process.stdin.isTTY || !process.stdout.isTTY)
    throw new UsageError('There is no terminal to ask at. Say --yes if you mean it.');
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const answer = await terminal.question(`\nWrite its name, ${question.cluster}, to begin: `);
    if (answer.trim() !== question.cluster) throw new UsageError('Nothing was done.');
  } finally {
    terminal.close();
  }
}
