const STEPS = 12;

/** A hue in degrees for each pod: from its name, so that every window shows the same, and moved on to the next free
 *  one where two would look alike. */
export function huesOf(pods: readonly string[]): ReadonlyMap<string, number> {
  const hues = new Map<string, number>();
  const taken = new Set<number>();
  for (const pod of [...new Set(pods)].sort()) {
    let slot = hashOf(pod) % STEPS;
    while (taken.has(slot) && taken.size < STEPS) slot = (slot + 5) % STEPS;
    taken.add(slot);
    hues.set(pod, (slot * 360) / STEPS + 15);
  }
  return hues;
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
