/** Runs in an app pod, beside the sidecar: writes, watches who is primary, and tells the driver when it asks. It serves
 *  on 127.0.0.1 of the pod; kubectl port-forward leads there. It outlives the connection, and ends when nobody asked
 *  for some minutes. */
import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { accessOf } from './access.ts';
import { type Connection, openConnection } from './connection.ts';
import type { AgentParameters, AgentStarted, FromAgent, ToAgent } from './messages.ts';
import { observe } from './observer.ts';
import { Outbox } from './outbox.ts';
import { Topology } from './topology.ts';
import { Vouching } from './vouching.ts';
import { write } from './writer.ts';

const BATCH_MS = 250;
const ALONE_MS = 180_000;
const READ_TIMEOUT_MS = 5_000;

const parameters = JSON.parse(process.argv[1] ?? '{}') as AgentParameters;
const access = accessOf(process.env);
const topology = new Topology(access);
const outbox = new Outbox(Date.now);
const readers = new Set<Socket>();
let lastAskedMs = Date.now();
let writing = true;

const send = (socket: Socket, message: FromAgent) => socket.write(`${JSON.stringify(message)}\n`);

setInterval(() => {
  const batch = outbox.close();
  if (batch) for (const reader of readers) send(reader, batch);
  if (Date.now() - lastAskedMs > ALONE_MS) process.exit(0);
}, BATCH_MS);

async function obey(socket: Socket, order: ToAgent): Promise<void> {
  switch (order.do) {
    case 'resume':
      outbox.forget(order.after);
      for (const batch of outbox.after(order.after)) send(socket, batch);
      readers.add(socket);
      return;
    case 'received':
      return outbox.forget(order.seq);
    case 'read':
      return answer(socket, order.id, (primary) => primary.call(['GET', order.key], READ_TIMEOUT_MS));
    case 'rest':
      writing = false;
      return;
    case 'remove':
      return answer(socket, order.id, (primary) => primary.call(['UNLINK', ...order.keys], READ_TIMEOUT_MS));
    case 'end':
      process.exit(0);
  }
}

async function answer(socket: Socket, id: number, ask: (primary: Connection) => Promise<unknown>) {
  try {
    const primary = await topology.primary();
    try {
      const reply = await ask(primary);
      const bits = typeof reply === 'string' ? Buffer.from(reply, 'latin1').toString('base64') : '';
      send(socket, { kind: 'answer', id, bits });
    } finally {
      primary.close();
    }
  } catch (error) {
    send(socket, { kind: 'answer', id, error: (error as Error).message });
  }
}

const server = createServer((socket) => {
  createInterface(socket).on('line', (line) => {
    lastAskedMs = Date.now();
    void obey(socket, JSON.parse(line) as ToAgent);
  });
  socket.on('error', () => undefined);
  socket.on('close', () => readers.delete(socket));
});

server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as { port: number };
  const started: AgentStarted = { pid: process.pid, port, key: parameters.key };
  process.stdout.write(`${JSON.stringify(started)}\n`);
});

void observe({
  servers: () => topology.servers(),
  open: (address) => openConnection(access, address),
  seen: (primary) => outbox.primary(primary),
});
const vouching = new Vouching({
  sentinels: access.sentinels,
  primaryName: access.primaryName,
  open: (sentinel) => topology.sentinel(sentinel),
  nowMs: () => performance.now(),
});
if (access.sentinels.length > 0) void vouching.run();
void write({
  key: parameters.key,
  replicas: parameters.replicas ?? access.replicas,
  paceMs: parameters.paceMs,
  wanted: () => writing,
  connect: () => topology.primary(),
  vouchFor: async (primary) => access.sentinels.length === 0 || vouching.vouchFor(primary),
  acked: (n) => outbox.acked(n),
  failed: (why) => outbox.failed(why),
});
