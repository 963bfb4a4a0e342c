import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { Kubectl } from '../kubectl.ts';
import type { AgentParameters, AgentStarted } from './agent/messages.ts';
import { openForward } from './forward.ts';

/** The container whose Node, settings and password the agent uses. */
const CONTAINER = 'sidecar';
const EXEC_TIMEOUT_MS = 10_000;

/** Starts the agent, or finds the one that we started there before; one that started without our hearing of it is
 *  ended. It is a child of a short `kubectl exec`: no cut connection ends it. It runs with little memory, as the sidecar's
 *  limit holds for both. */
const LAUNCHER = `
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
const { code, parameters, before } = INPUT;
const isAgent = (pid, key) => { try { return readFileSync('/proc/' + pid + '/cmdline', 'utf8').includes(JSON.stringify(key)); } catch { return false; } };
if (before && isAgent(before.pid, before.key)) {
  process.stdout.write(JSON.stringify(before) + '\\n');
} else {
  for (const pid of readdirSync('/proc').filter(Number)) if (isAgent(pid, parameters.run)) try { process.kill(pid, 'SIGKILL'); } catch {}
  const flags = ['--max-semi-space-size=1', '--max-old-space-size=40', '--optimize-for-size', '--input-type=module'];
  const agent = spawn(process.execPath, [...flags, '-e', code, JSON.stringify(parameters)], { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let errors = '';
  agent.stderr.on('data', (text) => { errors += text; });
  agent.on('exit', () => { console.error(errors); process.exit(1); });
  agent.stdout.once('data', (text) => process.stdout.write(text, () => process.exit(0)));
}`;

let bundled: Promise<string> | undefined;

/** The agent as one file of JavaScript. */
export const agentCode = (): Promise<string> => {
  bundled ??= build({
    entryPoints: [join(import.meta.dirname, 'agent/main.ts')],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    minify: true,
    logLevel: 'silent',
  }).then(({ outputFiles }) => outputFiles[0]?.text ?? '');
  return bundled;
};

/** Starts the agent in the pod, or finds it running. @throws Error with what it said when it does not start. */
export async function launchAgent(
  place: { kubectl: Kubectl; namespace: string; pod: string },
  parameters: AgentParameters,
  before: AgentStarted | undefined,
): Promise<AgentStarted> {
  const input = JSON.stringify({ code: await agentCode(), parameters, before });
  const exec = ['-n', place.namespace, 'exec', '-i', place.pod, '-c', CONTAINER, '--'];
  const printed = await place.kubectl([...exec, 'node', '--input-type=module', '-'], {
    input: LAUNCHER.replace('INPUT', () => input),
    timeoutMs: EXEC_TIMEOUT_MS,
  });
  return JSON.parse(printed) as AgentStarted;
}

/** A way to the agent through the API server. */
export interface Line {
  socket: Socket;
  close(): void;
}

/** Connects to the agent. @throws Error when there is no way. */
export async function openLine(
  place: { kubectl: Kubectl; namespace: string; pod: string },
  port: number,
): Promise<Line> {
  const forward = await openForward(place, port);
  const socket = createConnection({ host: '127.0.0.1', port: forward.port });
  forward.onClose(() => socket.destroy());
  socket.once('close', forward.close);
  socket.on('error', () => undefined);
  return { socket, close: () => socket.destroy() };
}
