import { type Static, Type } from 'typebox';

export const Member = Type.Object({
  podId: Type.String({ description: 'Name of the pod; where to send it a message.' }),
  bootId: Type.String({ description: 'One life of its sidecar process.' }),
  startedAt: Type.Integer({ description: 'Its own clock at start, milliseconds since the epoch.' }),
  lastSeenMs: Type.Integer({ description: 'How long ago it was last heard, in milliseconds.' }),
  isSelf: Type.Boolean(),
  isLeader: Type.Boolean(),
});
export type Member = Static<typeof Member>;

/** `GET /v1/members`. With `Accept: text/event-stream`: events `members` whose data is the same document. */
export const MembersView = Type.Object({ members: Type.Array(Member) });
export type MembersView = Static<typeof MembersView>;
