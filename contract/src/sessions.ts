import { type Static, Type } from 'typebox';

/** A moment as an ISO 8601 string: JSON has no dates (the spec's `Date`, on the wire). */
const Moment = Type.String({ format: 'date-time' });
const Text = (maxLength: number) => Type.String({ maxLength });

const theme = Type.Enum(['light', 'dark', 'system']);
const preferences = {
  theme,
  timezone: Text(64),
  language: Text(35),
  refreshInterval: Type.Integer({ minimum: 0, maximum: 86_400_000, description: 'Milliseconds.' }),
};
const uiState = {
  expandedWidgets: Type.Array(Text(128), { maxItems: 256 }),
  lastVisitedTools: Type.Array(Text(128), { maxItems: 256 }),
  dashboardLayout: Text(128),
  filterSettings: Type.Record(Type.String(), Type.Unknown()),
};
const toolConfig = {
  enabled: Type.Boolean(),
  settings: Type.Record(Type.String(), Type.Unknown()),
  lastUsed: Moment,
};

/** The product spec's `SessionData`, section 1, as JSON. */
export const SessionData = Type.Object({
  userId: Type.Optional(Text(256)),
  preferences: Type.Object(preferences),
  uiState: Type.Object(uiState),
  toolConfigs: Type.Record(Type.String(), Type.Partial(Type.Object(toolConfig))),
  lastActivity: Moment,
  metadata: Type.Object({ ipAddress: Text(64), userAgent: Text(512), created: Moment, updated: Moment }),
});
export type SessionData = Static<typeof SessionData>;

/** What a client may change. Absent fields stay; `null` is not accepted. `lastActivity` and `metadata` are the
 *  server's own. */
export const SessionUpdates = Type.Object(
  {
    userId: Type.Optional(Text(256)),
    preferences: Type.Optional(Type.Partial(Type.Object(preferences), { additionalProperties: false })),
    uiState: Type.Optional(Type.Partial(Type.Object(uiState), { additionalProperties: false })),
    toolConfigs: Type.Optional(
      Type.Record(Type.String(), Type.Partial(Type.Object(toolConfig), { additionalProperties: false })),
    ),
  },
  { additionalProperties: false },
);
export type SessionUpdates = Static<typeof SessionUpdates>;

/** Where an answer stands: `redis`, confirmed there; `local`, held by this pod only until Redis is back. */
export const CONSISTENCIES = ['redis', 'peer', 'local'] as const;
export type Consistency = (typeof CONSISTENCIES)[number];

/** `GET`, `POST` and `PATCH /api/sessions`. */
export const SessionAnswer = Type.Object({
  success: Type.Literal(true),
  sessionId: Type.String(),
  session: SessionData,
  version: Type.Integer({ description: 'Grows with every write; also the ETag, for If-Match.' }),
  consistency: Type.Enum([...CONSISTENCIES]),
});
export type SessionAnswer = Static<typeof SessionAnswer>;

/** `POST /api/sessions`. */
export const SessionUpdateRequest = Type.Object(
  { sessionId: Type.String({ minLength: 1, maxLength: 128 }), updates: SessionUpdates },
  { additionalProperties: false },
);
export type SessionUpdateRequest = Static<typeof SessionUpdateRequest>;

/** `POST /v1/sessions`: make a session under an id that the (trusted) app chose. */
export const SessionCreateRequest = Type.Object(
  {
    sessionId: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9_-]{22,128}$' })),
    updates: Type.Optional(SessionUpdates),
    metadata: Type.Optional(
      Type.Partial(Type.Object({ ipAddress: Text(64), userAgent: Text(512) }), {
        additionalProperties: false,
      }),
    ),
  },
  { additionalProperties: false },
);
export type SessionCreateRequest = Static<typeof SessionCreateRequest>;

export const SESSION_COOKIE = 'hyperpage_session';
/** The app passes on whom it talks to: the sidecar itself only ever sees localhost. */
export const CLIENT_IP_HEADER = 'Hyperpage-Client-Ip';

/** Redis key of a session, spec section 6. */
export const sessionKey = (sessionId: string) => `hyperpage:session:${sessionId}`;

/** A new session, with the spec's defaults. */
export const newSessionData = (
  now: Date,
  metadata: { ipAddress: string; userAgent: string },
): SessionData => {
  const at = now.toISOString();
  return {
    preferences: { theme: 'system', timezone: 'UTC', language: 'en', refreshInterval: 300000 },
    uiState: { expandedWidgets: [], lastVisitedTools: [], dashboardLayout: 'default', filterSettings: {} },
    toolConfigs: {},
    lastActivity: at,
    metadata: { ...metadata, created: at, updated: at },
  };
};
