import type { ElectionPayload } from '@hyperpage/client';
import { type FormEvent, useRef, useState } from 'react';
import type { Live, Message } from './live.ts';
import { Pod } from './pod.tsx';

interface Outgoing {
  text: string;
  /** `all`, `as-leader` or a pod's name. */
  to: string;
  priority: Message['priority'];
}

type Sent = { kind: 'idle' } | { kind: 'sent'; pod: string; to: string } | { kind: 'refused'; why: string };

/** What pods say to each other, and a way to join in. */
export function Messages({ live: { state, log } }: { live: Live }) {
  return (
    <section className="messages" aria-labelledby="messages-title">
      <h2 id="messages-title">Messages</h2>
      <Compose pods={(state?.members ?? []).map(({ podId }) => podId).sort()} />
      <ol className="log" aria-live="polite" aria-label="Newest first" data-testid="log">
        {log.map((entry) => (
          <li key={entry.key}>
            {entry.kind === 'note' ? (
              <Note text={entry.text} at={entry.at} />
            ) : (
              <Line message={entry.message} />
            )}
          </li>
        ))}
      </ol>
      {log.length === 0 && (
        <p className="empty">Nothing yet. What you send appears in every window, whichever pod it is on.</p>
      )}
    </section>
  );
}

function Compose({ pods }: { pods: string[] }) {
  const [sent, setSent] = useState<Sent>({ kind: 'idle' });
  const text = useRef<HTMLInputElement>(null);

  const send = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = Object.fromEntries(new FormData(event.currentTarget)) as unknown as Outgoing;
    const outcome = await postMessage(form);
    setSent(outcome);
    if (outcome.kind === 'sent' && text.current) text.current.value = '';
    text.current?.focus();
  };

  return (
    <form className="compose" onSubmit={(event) => void send(event)}>
      <label className="field field-text">
        <span className="visually-hidden">Message</span>
        <input
          ref={text}
          name="text"
          required
          maxLength={500}
          autoComplete="off"
          placeholder="Say something to the other pods"
        />
      </label>
      <label className="field">
        <span>To</span>
        <select name="to" defaultValue="all">
          <option value="all">all pods</option>
          <option value="as-leader">all pods, as leader</option>
          {pods.map((pod) => (
            <option key={pod}>{pod}</option>
          ))}
        </select>
      </label>
      <label className="field">
        <span>Priority</span>
        <select name="priority" defaultValue="normal">
          <option>low</option>
          <option>normal</option>
          <option>high</option>
        </select>
      </label>
      <button type="submit">Send</button>
      <p className={sent.kind === 'refused' ? 'outcome outcome-bad' : 'outcome'} role="status">
        {sent.kind === 'sent' && sentence(sent.pod, sent.to)}
        {sent.kind === 'refused' && sent.why}
      </p>
    </form>
  );
}

const sentence = (pod: string, to: string) =>
  to === 'all' || to === 'as-leader' ? `Sent by ${pod}.` : `Sent by ${pod} to ${to}, which alone shows it.`;

async function postMessage(body: Outgoing): Promise<Sent> {
  try {
    const response = await fetch('/api/demo/messages', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const answer = (await response.json()) as { pod?: string; code?: string; detail?: string };
    if (response.ok) return { kind: 'sent', pod: answer.pod ?? '', to: body.to };
    if (answer.code === 'not-leader')
      return { kind: 'refused', why: 'Not sent: the pod that answered does not lead, so it may not.' };
    return { kind: 'refused', why: `Not sent: ${answer.detail ?? `the server answered ${response.status}`}` };
  } catch {
    return { kind: 'refused', why: 'Not sent: no pod could be reached. Try again in a moment.' };
  }
}

const time = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium', hour12: false });

function Line({ message }: { message: Message }) {
  const { sourcePod, to, priority, timestamp, type, payload } = message;
  const { term } = fieldsOf(payload);
  return (
    <article className={`line line-${type === 'election' ? 'election' : priority}`}>
      <header>
        <Pod name={sourcePod} />
        {to !== undefined && (
          <>
            <span className="arrow" role="img" aria-label="to">
              →
            </span>
            <Pod name={to} />
          </>
        )}
        {priority !== 'normal' && type !== 'election' && <b className="tag">{priority}</b>}
        {type !== 'election' && term !== undefined && (
          <b className="tag crown">leader, term {JSON.stringify(term)}</b>
        )}
        <time dateTime={new Date(timestamp).toISOString()}>{time.format(timestamp)}</time>
      </header>
      <p>{textOf(message)}</p>
    </article>
  );
}

function Note({ text, at }: { text: string; at: number }) {
  return (
    <p className="note">
      {text} <time dateTime={new Date(at).toISOString()}>{time.format(at)}</time>
    </p>
  );
}

const fieldsOf = (payload: unknown): Record<string, unknown> =>
  typeof payload === 'object' && payload !== null ? (payload as Record<string, unknown>) : {};

/** A message in words. */
export function textOf({ type, payload }: Message): string {
  const fields = fieldsOf(payload);
  if (type === 'election') {
    const { newLeader, leaderId, term } = fields as Partial<ElectionPayload>;
    return newLeader ? `${newLeader} leads now, in term ${term}.` : `${leaderId} has stepped down.`;
  }
  if (typeof fields['text'] === 'string') return fields['text'];
  return `${type} ${JSON.stringify(payload)}`;
}
