import { type Static, type TSchema, Type } from 'typebox';

export const MOMENT_PATTERN =
  '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:[0-5]\\d(\\.\\d{1,9})?(Z|[+-]\\d\\d:\\d\\d)$';
/** A moment as an ISO 8601 string: JSON has no dates (the spec's `Date`, on the wire). The format alone would let leap
 *  seconds and names of time zones in, of which JavaScript makes no date. */
const Moment = Type.String({ format: 'date-time', pattern: MOMENT_PATTERN });
const Text = (maxLength: number) => Type.String({ maxLength });

/** Values under keys of the sender's choice. TypeBox's own pattern for any key, `^.*$`, passes over those with a line break
 *  in them, whose values would then go unchecked. */
const recordOf = <T extends TSchema>(value: T) => Type.Record(Type.String({ pattern: '^[\\s\\S]*$' }), value);

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
  filterSettings: recordOf(Type.Unknown()),
};
const toolConfig = {
  enabled: Type.Boolean(),
  settings: recordOf(Type.Unknown()),
  lastUsed: Moment,
};
const metadata = { ipAddress: Text(64), userAgent: Text(512), created: Moment, updated: Moment };

/** The product spec's `SessionData`, section 1, as JSON. */
export const SessionData = Type.Object({
  userId: Type.Optional(Text(256)),
  preferences: Type.Object(preferences),
  uiState: Type.Object(uiState),
  toolConfigs: recordOf(Type.Partial(Type.Object(toolConfig))),
  lastActivity: Moment,
  metadata: Type.Object(metadata),
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
      recordOf(Type.Partial(Type.Object(toolConfig), { additionalProperties: false })),
    ),
  },
  { additionalProperties: false },
);
export type SessionUpdates = Static<typeof SessionUpdates>;

/** Where an answer stands: `redis`, confirmed there; `peer`, held by other pods too until Redis is back; `local`, by this pod
 *  only. */
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

/** A session of a former store. What is absent has its default; `lastActivity` and `metadata.updated` are taken, and set
 *  to the moment of the import, at which its life begins anew. */
export const SessionImport = Type.Object(
  {
    // A former store's ids may be short.
    sessionId: Type.String({ pattern: '^[A-Za-z0-9_.:-]{1,128}$' }),
    session: Type.Object(
      {
        userId: Type.Optional(Text(256)),
        preferences: Type.Optional(Type.Partial(Type.Object(preferences), { additionalProperties: false })),
        uiState: Type.Optional(Type.Partial(Type.Object(uiState), { additionalProperties: false })),
        toolConfigs: Type.Optional(
          recordOf(Type.Partial(Type.Object(toolConfig), { additionalProperties: false })),
        ),
        lastActivity: Type.Optional(Moment),
        metadata: Type.Optional(Type.Partial(Type.Object(metadata), { additionalProperties: false })),
      },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
);
export type SessionImport = Static<typeof SessionImport>;

/** Most sessions in one `POST /v1/sessions/import`. */
export const MAX_IMPORTED_SESSIONS = 100;

const importOf = <T extends TSchema>(entry: T) =>
  Type.Object(
    {
      sessions: Type.Array(entry, { minItems: 1, maxItems: MAX_IMPORTED_SESSIONS }),
      dryRun: Type.Optional(Type.Boolean({ description: 'Check only: write nothing.' })),
    },
    { additionalProperties: false },
  );

/** `POST /v1/sessions/import`: take over sessions of a former store (spec, section 6). Doing it again changes nothing. */
export const SessionImportRequest = importOf(SessionImport);
export type SessionImportRequest = Static<typeof SessionImportRequest>;
/** The same with entries of any kind: each is judged by itself, so that a bad one does not hold up the others. */
export const SessionImportEnvelope = importOf(Type.Unknown());

/** What became of one entry. `exists`: there is or lately was a session of this id, which stays as it is. `valid`: a dry
 *  run found nothing wrong. */
export const SessionImportResult = Type.Object({
  sessionId: Type.Optional(Type.String({ description: 'As it was given; absent when it was no string.' })),
  status: Type.Enum(['created', 'exists', 'valid', 'invalid']),
  field: Type.Optional(Type.String({ description: 'JSON pointer in the entry to what is invalid.' })),
  detail: Type.Optional(Type.String({ description: 'Why it is invalid, and what to do about it.' })),
});
export type SessionImportResult = Static<typeof SessionImportResult>;

/** `POST /v1/sessions/import`. */
export const SessionImportAnswer = Type.Object({
  success: Type.Literal(true),
  results: Type.Array(SessionImportResult, { description: 'One for each entry, in their order.' }),
});
export type SessionImportAnswer = Static<typeof SessionImportAnswer>;

export const SESSION_COOKIE = 'hyperpage_session';
/** The app passes on whom it talks to: the sidecar itself only ever sees localhost. */
export const CLIENT_IP_HEADER = 'Hyperpage-Client-Ip';
/** Fencing token of a session's write: the term under which this pod leads. */
export const TERM_HEADER = 'Hyperpage-Term';

const SESSION_KEY_PREFIX = 'hyperpage:session:';
/** Redis key of a session, spec section 6. */
export const sessionKey = (sessionId: string) => `${SESSION_KEY_PREFIX}${sessionId}`;
/** The id of the session whose key it is; undefined of another key. */
export const sessionIdOf = (key: string) =>
  key.startsWith(SESSION_KEY_PREFIX) ? key.slice(SESSION_KEY_PREFIX.length) : undefined;

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
