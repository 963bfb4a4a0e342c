import * as contract from '@hyperpage/contract';
import { newSession } from '../../../client/src/sessions/session.ts';
import * as wire from '../../../client/src/wire.ts';

/** True for two types that can stand for each other. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

describe('the SDK’s own words', () => {
  // The SDK writes its types out, so that it has no dependency: these lines do not compile when the two drift apart.
  test('are the contract’s', () => {
    const same: [
      Same<wire.CoordinationMessage, contract.CoordinationMessage>,
      Same<wire.GapNotice, contract.GapNotice>,
      Same<wire.LeaderElection, contract.LeaderElection>,
      Same<wire.LeaderView, contract.LeaderView>,
      Same<wire.Member, contract.Member>,
      Same<wire.Priority, contract.Priority>,
      Same<wire.Consistency, contract.Consistency>,
      Same<wire.WireSession, contract.SessionData>,
      Same<wire.SessionAnswer, contract.SessionAnswer>,
      Same<wire.SessionImportResult, contract.SessionImportResult>,
    ] = [true, true, true, true, true, true, true, true, true, true];
    expect(same).not.toContain(false);
    expect({ ...wire }).toEqual({
      APP_URL_ENV: contract.APP_URL_ENV,
      DEFAULT_URL: `http://127.0.0.1:${contract.PORTS.sidecar}`,
      SESSION_COOKIE: contract.SESSION_COOKIE,
      CLIENT_IP_HEADER: contract.CLIENT_IP_HEADER,
      PROBLEM_MEDIA_TYPE: contract.PROBLEM_MEDIA_TYPE,
    });
  });

  test('begin a session as the sidecar does', () => {
    const now = new Date(0);
    const metadata = { ipAddress: '192.168.1.100', userAgent: 'Mozilla/5.0' };
    expect(JSON.parse(JSON.stringify(newSession(now, metadata)))).toEqual(
      contract.newSessionData(now, metadata),
    );
  });
});
