import type { Clock } from '@hyperpage/runtime';
import type { MemoryWorld } from '../memory-world.ts';
import { type MemberRecord, type MemberRegistry, SILENT_MS } from './registry.ts';

export interface MemoryMembers {
  records: Map<string, MemberRecord & { heardMs: number }>;
  listeners: Set<() => void>;
  /** Grows when the records were forgotten. */
  epoch: number;
}

/** Members of the sidecars in this process. */
export function createMemoryRegistry(world: MemoryWorld, { clock }: { clock: Clock }): MemberRegistry {
  const { records, listeners } = world.members;
  const poke = () => {
    for (const listener of listeners) setImmediate(listener);
  };
  return {
    async beat(self) {
      if (!world.reachable) throw new Error('the memory world is switched off');
      const nowMs = clock.monotonicMs();
      let changed = records.get(self.podId)?.bootId !== self.bootId;
      records.set(self.podId, { ...self, heardMs: nowMs });
      for (const [podId, { heardMs }] of records) {
        if (nowMs - heardMs <= SILENT_MS) continue;
        records.delete(podId);
        changed = true;
      }
      if (changed) poke();
      const members = [...records.values()].map(({ heardMs, ...record }) => ({
        ...record,
        silentMs: nowMs - heardMs,
      }));
      return { epoch: String(world.members.epoch), members };
    },
    async leave(self) {
      if (!world.reachable || records.get(self.podId)?.bootId !== self.bootId) return;
      records.delete(self.podId);
      poke();
    },
    onPoke(listener) {
      listeners.add(listener);
      world.onReachable.add(listener);
      return () => {
        listeners.delete(listener);
        world.onReachable.delete(listener);
      };
    },
  };
}
