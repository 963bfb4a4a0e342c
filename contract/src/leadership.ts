import { type Static, Type } from 'typebox';

/** `GET /v1/leader`. */
export const LeaderView = Type.Object({
  leader: Type.Union([Type.String(), Type.Null()], {
    description: 'Pod that leads, as this sidecar knows it.',
  }),
  term: Type.Integer({ description: 'Fencing token: it only grows.' }),
  isLeader: Type.Boolean({ description: 'Whether this pod may act as leader now.' }),
  validForMs: Type.Integer({
    description: 'For how long it may, in milliseconds, if nothing more is heard; 0 on followers.',
  }),
});
export type LeaderView = Static<typeof LeaderView>;

/** `POST /v1/leader/check`: is this term still the one under which this pod leads? */
export const LeaderCheckRequest = Type.Object(
  { term: Type.Integer({ minimum: 0 }) },
  { additionalProperties: false },
);
export const LeaderCheckAnswer = Type.Object({
  valid: Type.Boolean(),
  term: Type.Integer(),
  validForMs: Type.Integer(),
});
export type LeaderCheckAnswer = Static<typeof LeaderCheckAnswer>;

/** `POST /v1/leader/step-down`: let another pod lead, as before maintenance. */
export const StepDownRequest = Type.Object(
  {
    forMs: Type.Optional(
      Type.Integer({
        minimum: 1_000,
        maximum: 3_600_000,
        default: 60_000,
        description: 'For how long this pod does not stand again, in milliseconds.',
      }),
    ),
  },
  { additionalProperties: false },
);

/** Names of the server-sent events of `GET /v1/leader/events`; `data` is a LeaderView. The first event is the state
 *  at the time of connecting, as `changed`. `expiring`: this pod leads, two thirds of its validity have passed, and nothing has
 *  renewed it: begin nothing long. */
export type LeaderEventName = 'acquired' | 'expiring' | 'lost' | 'changed';

/** The product spec's view of an election, section 2, "Leader Election"; the payload of `election` messages
 *  carries it with `newLeader`. */
export interface LeaderElection {
  leaderId: string;
  term: number;
  /** Milliseconds since the epoch. */
  lastHeartbeat: number;
  status: 'active' | 'expired';
}
