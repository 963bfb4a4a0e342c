const STEPS = 12;

/** A hue in degrees for each pod, the same in every window that sees the same pods: from its name, and moved on while
 *  it is too near another's to tell them apart. Give the eldest first: a new pod then changes no other's colour. */
export function huesOf(pods: readonly string[]): ReadonlyMap<string, number> {
  // So far apart as that many pods leave room for.
  const distance = Math.min(3, Math.max(1, Math.floor(STEPS / Math.max(1, pods.length))));
  const slots: number[] = [];
  const hues = new Map<string, number>();
  for (const pod of pods) {
    const wanted = hashOf(pod) % STEPS;
    const slot = nearestFree(wanted, slots, distance) ?? nearestFree(wanted, slots, 1) ?? wanted;
    slots.push(slot);
    hues.set(pod, (slot * 360) / STEPS + 15);
  }
  return hues;
}

function nearestFree(wanted: number, taken: readonly number[], distance: number): number | undefined {
  for (let moved = 0; moved < STEPS; moved += 1) {
    const slot = (wanted + moved) % STEPS;
    if (taken.every((other) => apart(slot, other) >= distance)) return slot;
  }
  return undefined;
}

const apart = (a: number, b: number) => Math.min((a - b + STEPS) % STEPS, (b - a + STEPS) % STEPS);

/** FNV-1a, with its bits mixed once more: names of pods differ in their last character alone. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 8;
}
