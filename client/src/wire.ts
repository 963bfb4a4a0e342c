/** What the SDK says to its sidecar, as plain types: `@hyperpage/contract` is their source, and a test holds the two
 *  together. They are written out here so that the SDK has no dependency and reads well in an editor. */

/** The variable in which the operator tells an app where its sidecar is. */
export const APP_URL_ENV = 'HYPERPAGE_URL';
/** Where a sidecar listens when nothing else is said. */
export const DEFAULT_URL = 'http://127.0.0.1:7070';
export const SESSION_COOKIE = 'hyperpage_session';
export const CLIENT_IP_HEADER = 'Hyperpage-Client-Ip';
export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

export type Priority = 'low' | 'normal' | 'high';

/** A message as every receiver gets it (spec, section 2, "Message Types"). */
export interface CoordinationMessage<P = unknown> {
  /** Unique; a receiver that sees it twice may drop the second. */
  id: string;
  type: string;
  payload: P;
  /** Sender's clock, milliseconds since the epoch. */
  timestamp: number;
  sourcePod: string;
  priority: Priority;
  /** The one receiver; absent on a broadcast. */
  to?: string;
}

/** Messages were lost to this reader. `trimmed`: the log no longer goes back so far. `overflow`: this reader was too
 *  slow. `reset`: Redis lost its log. */
export interface GapNotice {
  reason: 'trimmed' | 'overflow' | 'reset';
}

/** The spec's view of an election, section 2, "Leader Election". */
export interface LeaderElection {
  leaderId: string;
  /** Fencing token: it only grows. */
  term: number;
  /** Milliseconds since the epoch. */
  lastHeartbeat: number;
  status: 'active' | 'expired';
}

/** Who leads, as the sidecar tells it. */
export interface LeaderView {
  leader: string | null;
  term: number;
  isLeader: boolean;
  /** For how long this pod may act as leader if nothing more is heard, in milliseconds; 0 on followers. */
  validForMs: number;
}

export interface Member {
  /** Name of the pod; where to send it a message. */
  podId: string;
  /** One life of its sidecar process. */
  bootId: string;
  /** Its own clock at start, milliseconds since the epoch. */
  startedAt: number;
  /** How long ago it was last heard, in milliseconds. */
  lastSeenMs: number;
  isSelf: boolean;
  isLeader: boolean;
}

/** Where an answer stands: `redis`, confirmed there; `peer`, held by other pods; `local`, held by this pod only. */
export type Consistency = 'redis' | 'peer' | 'local';

/** A session with its dates as ISO 8601 strings, as JSON has them. */
export interface WireSession {
  userId?: string;
  preferences: {
    theme: 'light' | 'dark' | 'system';
    timezone: string;
    language: string;
    refreshInterval: number;
  };
  uiState: {
    expandedWidgets: string[];
    lastVisitedTools: string[];
    dashboardLayout: string;
    filterSettings: Record<string, unknown>;
  };
  toolConfigs: Record<string, { enabled?: boolean; settings?: Record<string, unknown>; lastUsed?: string }>;
  lastActivity: string;
  metadata: { ipAddress: string; userAgent: string; created: string; updated: string };
}

/** `GET`, `POST` and `PATCH /api/sessions`. */
export interface SessionAnswer {
  success: true;
  sessionId: string;
  session: WireSession;
  /** Grows with every write; also the ETag. */
  version: number;
  consistency: Consistency;
}

/** What became of one session of `POST /v1/sessions/import`. */
export interface SessionImportResult {
  sessionId?: string;
  status: 'created' | 'exists' | 'valid' | 'invalid';
  field?: string;
  detail?: string;
}
