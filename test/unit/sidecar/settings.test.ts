import type { SettingsError } from '@hyperpage/runtime';
import { sidecarSettings } from '../../../sidecar/src/settings.ts';

const problemsOf = (env: Record<string, string>): readonly string[] => {
  try {
    sidecarSettings({ HYPERPAGE_POD_NAME: 'demo-1', ...env });
    return [];
  } catch (error) {
    return (error as SettingsError).problems;
  }
};

describe('settings of a sidecar', () => {
  test('the defaults fit each other', () => {
    expect(problemsOf({})).toEqual([]);
  });

  test('a heartbeat above half of the timeout is refused with both names', () => {
    const problems = problemsOf({ LEADER_ELECTION_TIMEOUT: '6000', LEADER_HEARTBEAT_INTERVAL: '3001' });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/LEADER_HEARTBEAT_INTERVAL is 3001 and LEADER_ELECTION_TIMEOUT is 6000/);
    expect(problemsOf({ LEADER_ELECTION_TIMEOUT: '6000', LEADER_HEARTBEAT_INTERVAL: '3000' })).toEqual([]);
  });

  test('one port for two listeners is refused', () => {
    expect(problemsOf({ HYPERPAGE_PORT: '7071' })).toEqual([expect.stringContaining('HYPERPAGE_POD_PORT')]);
  });

  test('every variable that does not fit is named, with what it got and what it wants', () => {
    expect(
      problemsOf({ HYPERPAGE_PORT: 'x', LEADER_ELECTION_TIMEOUT: '1', SESSION_FALLBACK_TO_MEMORY: 'yes' }),
    ).toEqual([
      'HYPERPAGE_PORT is "x"; it wants a whole number from 1 to 65535',
      'SESSION_FALLBACK_TO_MEMORY is "yes"; it wants true or false',
      'LEADER_ELECTION_TIMEOUT is "1"; it wants a whole number of milliseconds from 3000 to 3600000',
    ]);
  });
});
