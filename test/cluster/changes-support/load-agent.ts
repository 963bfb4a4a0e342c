/** Runs in a pod beside the app, by Node itself: no imports. Writes and reads sessions through the app's Service as browsers
 *  do, and remembers what it was promised. Asked on standard input, a word a line, it answers with a line of JSON. */

interface Answer {
  sessionId: string;
  session: { uiState: { dashboardLayout: string } };
  consistency: string;
}

interface Session {
  id: string;
  /** The last number that was acknowledged, and the last that was sent. */
  acknowledged: number;
  sent: number;
}

const { url, writers, paceMs } = JSON.parse(process.argv[1] ?? '{}') as {
  url: string;
  writers: number;
  paceMs: number;
};
const PATIENCE_MS = 20_000;
const READ_EVERY = 3;
const NEW_SESSION_EVERY = 15;
/** Writes that a check waits for. */
const LEAST = 20;
const AGAIN_MS = 1_000;
const MOST_TOLD = 10;

const nothing = () => ({
  acknowledged: 0,
  reads: 0,
  /** Answers that no Redis stands behind. */
  unconfirmed: 0,
  /** Writes that too few replicas confirmed in time, as the answer said; each was repeated, as it said too. */
  unsure: 0,
  /** Reads that gave an older state than was acknowledged, and the right one a moment later. */
  stale: 0,
  /** Connections that broke; each request was sent once more. */
  cut: 0,
  failures: [] as string[],
  failed: 0,
  slowestMs: 0,
  /** The longest time between two acknowledged writes. */
  longestGapMs: 0,
});

let told = nothing();
const state = { running: true };
let lastMs = performance.now();
const sessions: Session[] = [];
const now = () => new Date().toISOString().slice(11, 23);
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function fail(what: string): undefined {
  told.failed += 1;
  if (told.failures.length < MOST_TOLD) told.failures.push(`${now()} ${what}`);
  return undefined;
}

async function request(path: string, body?: unknown, again = false): Promise<Answer | undefined> {
  const once = async () => {
    const answer = await fetch(`${url}/api/sessions${path}`, {
      signal: AbortSignal.timeout(PATIENCE_MS),
      ...(body === undefined
        ? {}
        : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    return { ok: answer.ok, status: answer.status, text: await answer.text() };
  };
  const startedMs = performance.now();
  try {
    const answer = await once().catch((error: Error) => {
      if (error.name === 'TimeoutError') throw error;
      told.cut += 1;
      return once();
    });
    told.slowestMs = Math.max(told.slowestMs, Math.round(performance.now() - startedMs));
    if (!answer.ok && answer.text.includes('not-acknowledged') && !again) {
      told.unsure += 1;
      return await request(path, body, true);
    }
    if (!answer.ok) return fail(`${answer.status} ${answer.text.slice(0, 300)}`);
    return JSON.parse(answer.text) as Answer;
  } catch (error) {
    const { cause } = error as { cause?: Error };
    return fail(`${String(error)} ${cause?.message ?? ''}`);
  }
}

const made = async (): Promise<Session | undefined> => {
  const answer = await request('');
  if (!answer) return undefined;
  const session = { id: answer.sessionId, acknowledged: 0, sent: 0 };
  sessions.push(session);
  return session;
};

async function write(session: Session): Promise<void> {
  session.sent += 1;
  const n = session.sent;
  const updates = { uiState: { dashboardLayout: `n${n}` } };
  const answer = await request('', { sessionId: session.id, updates });
  if (!answer) return;
  if (answer.consistency !== 'redis') {
    told.unconfirmed += 1;
    return;
  }
  session.acknowledged = n;
  told.acknowledged += 1;
  told.longestGapMs = Math.max(told.longestGapMs, Math.round(performance.now() - lastMs));
  lastMs = performance.now();
}

/** What is missing of what was promised before it was read; undefined when nothing is. */
async function read(session: Session): Promise<string | undefined> {
  const promised = session.acknowledged;
  const answer = await request(`?sessionId=${session.id}`);
  if (!answer) return undefined;
  told.reads += 1;
  if (answer.consistency !== 'redis') {
    told.unconfirmed += 1;
    return undefined;
  }
  const layout = answer.session.uiState.dashboardLayout;
  const n = layout === 'default' ? 0 : Number(layout.slice(1));
  return n >= promised && n <= session.sent ? undefined : `${session.id}: ${layout}, not n${promised}`;
}

/** A read in the middle of a hand-over may come from the former primary. */
async function readAgain(session: Session): Promise<void> {
  if (!(await read(session))) return;
  told.stale += 1;
  await sleep(AGAIN_MS);
  const missing = await read(session);
  if (missing) fail(`read back ${missing}`);
}

async function writer(): Promise<void> {
  let mine: Session | undefined;
  for (let turn = 0; state.running; turn += 1) {
    if (!mine || turn % NEW_SESSION_EVERY === 0) mine = (await made()) ?? mine;
    if (mine) {
      await write(mine);
      if (turn % READ_EVERY === 0) await readAgain(mine);
    }
    await sleep(paceMs);
  }
}

async function enough(): Promise<void> {
  const giveUpMs = performance.now() + PATIENCE_MS;
  while (state.running && told.acknowledged < LEAST && performance.now() < giveUpMs) await sleep(paceMs);
}

/** Tells what happened since it was asked last, and what of all that was ever acknowledged is not there now. */
async function check(): Promise<void> {
  await enough();
  const lost: string[] = [];
  for (const session of sessions) {
    const missing = await read(session);
    if (missing) lost.push(missing);
  }
  told.longestGapMs = Math.max(told.longestGapMs, Math.round(state.running ? performance.now() - lastMs : 0));
  process.stdout.write(`${JSON.stringify({ ...told, sessions: sessions.length, lost })}\n`);
  told = nothing();
}

async function main(): Promise<void> {
  const all = Promise.all(Array.from({ length: writers }, () => writer()));
  for await (const chunk of process.stdin) {
    const word = String(chunk).trim();
    if (word === 'rest') {
      await enough();
      state.running = false;
      await all;
    }
    await check();
  }
  process.exit(0);
}

void main();
