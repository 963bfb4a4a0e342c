import { type CSSProperties, createContext, useContext } from 'react';

/** Hue of each pod, in degrees. */
export const Hues = createContext<ReadonlyMap<string, number>>(new Map());

/** A pod's dot and name, in its colour in every window; with a ring for the leader. */
export function Pod({ name, leads = false }: { name: string; leads?: boolean }) {
  const hue = useContext(Hues).get(name);
  const style = hue === undefined ? undefined : ({ '--hue': hue } as CSSProperties);
  return (
    <span className={hue === undefined ? 'pod pod-gone' : 'pod'} style={style}>
      <span className={leads ? 'pod-dot pod-leads' : 'pod-dot'} aria-hidden="true" />
      <span className="pod-name">{name}</span>
    </span>
  );
}
