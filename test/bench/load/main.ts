/** The load process of the bench. Reads a Job as JSON from standard input, prints `counting` when the warm-up is over
 *  and the JobResult as one line of JSON at the end. */
import { text } from 'node:stream/consumers';
import { Redis } from 'ioredis';
import { drive } from './drive.ts';
import { encodeRequest, openConnection } from './http-connection.ts';
import type { Call, HttpTarget, Job, RedisTarget } from './job.ts';

const inTurn = <T>(list: readonly T[], turn: number): T => list[turn % list.length] as T;

async function httpCall({ port, requests }: HttpTarget, connections: number): Promise<[Call, () => void]> {
  const open = await Promise.all(Array.from({ length: connections }, () => openConnection(port)));
  const encoded = requests.map((request) => encodeRequest(request, `127.0.0.1:${port}`));
  const call: Call = async (connection, turn) => {
    const status = await open[connection]?.send(inTurn(encoded, turn));
    if (status === undefined || status >= 300) throw new Error(`status ${status}`);
  };
  return [call, () => open.forEach((connection) => connection.close())];
}

async function redisCall({ port, pipelines }: RedisTarget, connections: number): Promise<[Call, () => void]> {
  const open = Array.from({ length: connections }, () => new Redis({ port, host: '127.0.0.1' }));
  await Promise.all(open.map((redis) => redis.ping()));
  const call: Call = async (connection, turn) => {
    const answers = await open[connection]?.pipeline(inTurn(pipelines, turn)).exec();
    for (const [error] of answers ?? []) if (error) throw error;
  };
  return [call, () => open.forEach((redis) => redis.disconnect())];
}

const job = JSON.parse(await text(process.stdin)) as Job;
const [call, close] =
  job.target.kind === 'http'
    ? await httpCall(job.target, job.connections)
    : await redisCall(job.target, job.connections);
const result = await drive({ ...job, onCounting: () => console.log('counting') }, call);
close();
console.log(JSON.stringify(result));
