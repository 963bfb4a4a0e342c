import type { RedisLink } from '../redis/index.ts';
import { type HeardMember, type MemberRecord, type MemberRegistry, SILENT_MS } from './registry.ts';

/** Members in Redis: the hash `<prefix>:members`, the sorted set `<prefix>:members:heard`, and a channel on which
 *  changes are made known. */
export function createRedisRegistry(link: RedisLink, channelPrefix: string): MemberRegistry {
  const keys = [`${channelPrefix}:members`, `${channelPrefix}:members:heard`];
  // No pod can be called so: it is not the channel of one.
  const channel = `${channelPrefix}:_members`;
  const pokes = new Set<() => void>();
  link.subscribe(channel, () => {
    for (const poke of pokes) poke();
  });

  return {
    async beat(self) {
      const args = [channel, self.podId, recordText(self), SILENT_MS, self.bootId];
      const reply = await link.call({ name: 'members_beat', keys, args });
      if (!Array.isArray(reply)) throw new Error('members_beat gave no roll');
      const [epoch, ...flat] = reply as string[];
      return { epoch: String(epoch), members: membersOf(flat) };
    },
    async leave(self) {
      await link.call({ name: 'members_leave', keys, args: [channel, self.podId, recordText(self)] });
    },
    onPoke(listener) {
      pokes.add(listener);
      const stop = link.onConnect(listener);
      return () => {
        pokes.delete(listener);
        stop();
      };
    },
  };
}

const recordText = ({ bootId, startedAt }: MemberRecord) => `${bootId} ${startedAt}`;

/** Records that are not ours to read (garbage, a version to come) are passed over. */
function membersOf(flat: readonly string[]): HeardMember[] {
  const members: HeardMember[] = [];
  for (let i = 0; i + 2 < flat.length; i += 3) {
    const [podId = '', record = '', silent = ''] = flat.slice(i, i + 3);
    const [bootId = '', started = ''] = record.split(' ');
    if (bootId && /^\d{1,15}$/.test(started)) {
      members.push({ podId, bootId, startedAt: Number(started), silentMs: Math.max(0, Number(silent)) });
    }
  }
  return members;
}
