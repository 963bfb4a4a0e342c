import { SIDECAR_SETTINGS, type SidecarSettings } from '@hyperpage/contract';
import { readSettings, SettingsError } from '@hyperpage/runtime';

/** Shorter ones would lapse while a pod collects its garbage. */
const LEAST_PROMISE_MS = 200;

/** Settings of a sidecar in a pod.
 *  @throws SettingsError naming each variable that does not fit, alone or with another. */
export function sidecarSettings(env: Readonly<Record<string, string | undefined>>): SidecarSettings {
  const settings = readSettings(SIDECAR_SETTINGS, env);
  const problems = contradictions(settings);
  if (problems.length > 0) throw new SettingsError(problems);
  return settings;
}

function contradictions(settings: SidecarSettings): string[] {
  const { electionTimeoutMs, heartbeatIntervalMs, promiseMs, port, podPort } = settings;
  const problems: string[] = [];
  if (heartbeatIntervalMs * 2 > electionTimeoutMs) {
    problems.push(
      `LEADER_HEARTBEAT_INTERVAL is ${heartbeatIntervalMs} and LEADER_ELECTION_TIMEOUT is ${electionTimeoutMs}; ` +
        'the interval wants to be at most half of the timeout, so that a lost renewal costs no leader',
    );
  }
  if (promiseMs !== 0 && (promiseMs < LEAST_PROMISE_MS || promiseMs * 2 > electionTimeoutMs)) {
    problems.push(
      `LEADER_PROMISE is ${promiseMs} and LEADER_ELECTION_TIMEOUT is ${electionTimeoutMs}; ` +
        `the promise wants to be 0 (off), or from ${LEAST_PROMISE_MS} to half of the timeout`,
    );
  }
  if (port === podPort) {
    problems.push(`HYPERPAGE_PORT and HYPERPAGE_POD_PORT are both ${port}; they want different ports`);
  }
  return problems;
}
