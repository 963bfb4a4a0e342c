import { newSessionData, type SessionData } from '@hyperpage/contract';
import {
  leavesOfSession,
  leavesOfUpdates,
  sessionOfLeaves,
} from '../../../../sidecar/src/sessions/leaves.ts';
import { seeded } from '../seeded.ts';

const at = Date.parse('2025-10-29T12:00:00.000Z');
const moments = { createdMs: at, updatedMs: at, activeMs: at };
const base = () => newSessionData(new Date(at), { ipAddress: '192.168.1.100', userAgent: 'Mozilla/5.0' });

describe('the leaves of a session', () => {
  test('a session is the same after it was taken apart and put together, whatever it holds', () => {
    const random = seeded(5);
    const record = () =>
      Object.fromEntries(Array.from({ length: random.below(4) }, () => [random.text(), random.json(3)]));
    for (let round = 0; round < 300; round++) {
      const session: SessionData = {
        ...base(),
        ...(random.below(2) === 0 ? { userId: random.text() } : {}),
        uiState: {
          expandedWidgets: Array.from({ length: random.below(3) }, random.text),
          lastVisitedTools: [],
          dashboardLayout: random.text(),
          filterSettings: record(),
        },
        toolConfigs: Object.fromEntries(
          Array.from({ length: random.below(4) }, () => [
            random.of(['__proto__', 'constructor', '', 'a/b', '~1', random.text()]),
            { enabled: random.below(2) === 0, settings: record() },
          ]),
        ),
      };
      expect(sessionOfLeaves(leavesOfSession(session), moments)).toEqual({ session });
    }
  });

  test('updates give only the leaves that they name; what is not of a session gives none', () => {
    expect([
      ...leavesOfUpdates({
        preferences: { theme: 'dark' },
        uiState: { expandedWidgets: [] },
        toolConfigs: { 'a/b': { enabled: false }, none: {} },
      }),
    ]).toEqual([
      ['/preferences/theme', '"dark"'],
      ['/uiState/expandedWidgets', '[]'],
      ['/toolConfigs/a~1b/enabled', 'false'],
    ]);
    const forged = JSON.parse(
      '{"preferences":{"__proto__":1,"constructor":2,"other":3},"metadata":{"created":1},"toolConfigs":{"x":{"toString":1}}}',
    ) as object;
    expect([...leavesOfUpdates(forged)]).toEqual([]);
    expect([...leavesOfUpdates({})]).toEqual([]);
  });

  test('a leaf that is absent has its default, an unknown one is passed over', () => {
    const { session } = sessionOfLeaves(
      new Map([
        ['/preferences/theme', '"dark"'],
        ['/preferences/someday', '1'],
        ['/someday', '{'],
        ['/toString/x', '1'],
        ['/preferences/theme/deeper', '1'],
        ['/toolConfigs/x/constructor', '1'],
      ]),
      moments,
    ) as { session: SessionData };
    expect(session.preferences).toEqual({ ...base().preferences, theme: 'dark' });
    expect(session.toolConfigs).toEqual({});
  });

  test.each([
    ['/preferences/theme', '"neon"'],
    ['/preferences/refreshInterval', '"1"'],
    ['/uiState/expandedWidgets', '{}'],
    ['/uiState/expandedWidgets', '[1]'],
    ['/uiState/filterSettings', '[]'],
    ['/userId', 'null'],
    ['/toolConfigs/x/enabled', '1'],
    ['/metadata/ipAddress', '{'],
  ])('%s with %s is damage, and named', (pointer, json) => {
    expect(sessionOfLeaves(new Map([[pointer, json]]), moments)).toEqual({ damaged: pointer });
  });
});
