import type { MembersView } from '@hyperpage/contract';
import { EventStream } from './event-stream.ts';
import type { Handler } from './exchange.ts';
import type { ApiPorts } from './ports.ts';

/** `/v1/members`: the list, or its changes as server-sent events. */
export function memberHandlers({ membership, election, clock }: ApiPorts) {
  const view = (): MembersView => {
    const { leader } = election.view();
    return {
      members: membership.members().map((member) => ({ ...member, isLeader: member.podId === leader })),
    };
  };

  const getMembers: Handler = ({ req, res }) => {
    if (!req.headers.accept?.includes('text/event-stream')) return { status: 200, body: view() };
    const current = () => ({ event: 'members', data: view() });
    const stream = new EventStream(res, { clock, onOverflow: current });
    stream.open();
    stream.send(current());
    const stops = [
      membership.onChange(() => stream.send(current())),
      election.on(() => stream.send(current())),
    ];
    res.once('close', () => {
      for (const stop of stops) stop();
    });
    return 'streaming';
  };

  return { getMembers };
}
