/** An Express app as its documentation has it, sessions by express-session in Redis by connect-redis: one route that
 *  reads `req.session` and one that changes it. All settings are the defaults that the packages recommend. */
import { RedisStore } from 'connect-redis';
import express from 'express';
import session from 'express-session';
import { createClient } from 'redis';

type Values = Record<string, unknown>;

const isRecord = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Field by field, as our sidecar does it. */
function merge(into: Values, updates: Values): void {
  for (const [name, value] of Object.entries(updates)) {
    const present = into[name];
    if (isRecord(value) && isRecord(present)) merge(present, value);
    else into[name] = value;
  }
}

async function main(port: number, redisUrl: string): Promise<void> {
  const client = createClient({ url: redisUrl });
  await client.connect();
  const app = express();
  app.use(
    session({
      store: new RedisStore({ client, prefix: 'bench:express:' }),
      secret: 'of the bench',
      resave: false,
      saveUninitialized: false,
    }),
  );
  app.use(express.json());
  app.get('/session', (req, res) => {
    res.json(req.session);
  });
  app.post('/session', (req, res) => {
    const { updates } = req.body as { updates: Values };
    merge(req.session as unknown as Values, updates);
    res.json(req.session);
  });
  app.listen(port, '127.0.0.1', () => console.log('listening'));
}

const [port, redisUrl] = process.argv.slice(2);
void main(Number(port), redisUrl ?? '');
