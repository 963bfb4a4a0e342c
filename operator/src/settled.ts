import { DIGEST_ANNOTATION, type OwnedKind } from './desired/index.ts';
import { keyOf, type Manifest, type Stored } from './kube/index.ts';

/** Remembers with which resourceVersion the API server answered an apply. When it stores a value in other words than
 *  ours, comparing fields would find a difference for ever; this makes it one request for each change from outside,
 *  not a loop. Losing this memory (a restart) costs one request and no write. */
export interface Settled {
  note(manifest: Manifest<OwnedKind>, stored: Stored<OwnedKind>): void;
  isSettled(manifest: Manifest<OwnedKind>, stored: Stored<OwnedKind>): boolean;
  forget(stored: Stored<OwnedKind>): void;
}

export function createSettled(): Settled {
  const answers = new Map<string, string>();
  const idOf = (object: Manifest<OwnedKind>) => `${object.kind}/${keyOf(object.metadata)}`;
  const answerOf = (manifest: Manifest<OwnedKind>, { metadata }: Stored<OwnedKind>) =>
    `${metadata.uid} ${metadata.resourceVersion} ${manifest.metadata.annotations?.[DIGEST_ANNOTATION]}`;
  return {
    note: (manifest, stored) => void answers.set(idOf(manifest), answerOf(manifest, stored)),
    isSettled: (manifest, stored) => answers.get(idOf(manifest)) === answerOf(manifest, stored),
    forget: (stored) => void answers.delete(idOf(stored)),
  };
}
