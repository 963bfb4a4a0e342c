import type { Progress } from './progress.ts';
import type { ClusterProvider } from './provider.ts';
export function kindProvider(_options: { name: string; root: string; progress: Progress }): ClusterProvider { throw new Error('TODO'); }
