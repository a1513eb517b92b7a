import { domainToASCII } from 'node:url';
import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import { parseEmail } from '../core/email.ts';
import { isId } from '../core/ids.ts';
import { Problem } from '../core/problems.ts';
import { SECOND } from '../core/units.ts';
import { dataHeaders } from '../platform/http/headers.ts';
import type { Inbox, InboxMessage, InboxQuery } from './inbox.ts';
import { inboxPage, inboxPageHeaders, mailDocument, mailDocumentHeaders } from './pages.ts';

/** Seconds; below what proxies and HTTP clients wait by default. */
const WAIT_MAX = 30;

/** `GET /dev/inbox` for people and `GET /dev/inbox/messages` for programs: development only. */
export function inboxRoutes(inbox: Inbox): FastifyPluginAsync {
  return async (app) => {
    app.addHook('preClose', () => inbox.close());
    app.get('/dev/inbox', async (request, reply) => {
      const { to, id } = parameters(request, ['to', 'id']);
      const address = to === undefined ? undefined : addressOf(to);
      const messages = inbox.messages(address === undefined ? {} : { to: address }).toReversed();
      const selected = messages.find((message) => message.id === id) ?? messages[0];
      return reply.headers(inboxPageHeaders).send(inboxPage({ messages, selected, to: address }));
    });
    app.get('/dev/inbox/messages', async (request, reply) => {
      const { wait = '0', ...query } = parameters(request, ['to', 'after', 'wait']);
      const gone = new AbortController();
      reply.raw.once('close', () => gone.abort());
      const messages = await inbox.waitFor(queryOf(query), secondsOf(wait) * SECOND, gone.signal);
      return reply.headers(dataHeaders).send(messages.map(asJson));
    });
    app.get<{ Params: { id: string } }>('/dev/inbox/messages/:id/html', async (request, reply) => {
      const message = inbox.messages().find(({ id }) => id === request.params.id);
      if (!message)
        throw new Problem('not_found', 'The inbox keeps the newest 200 mails; this one is not among them.');
      return reply.headers(mailDocumentHeaders).send(mailDocument(message));
    });
  };
}

function asJson(message: InboxMessage): Record<string, string | null> {
  return { ...message, sentAt: new Date(message.sentAt).toISOString() };
}

/** The query, each known name at most once; any other is a mistake that would otherwise show as silence. */
function parameters<Name extends string>(
  request: FastifyRequest,
  names: readonly Name[],
): Partial<Record<Name, string>> {
  const query = new URL(request.url, 'http://localhost').searchParams;
  const unknown = [...query.keys()].find((key) => !names.some((name) => name === key));
  if (unknown !== undefined)
    throw new Problem(
      'invalid_request',
      `There is no parameter ${unknown.slice(0, 40)} here, only ${names.join(', ')}.`,
    );
  const twice = names.find((name) => query.getAll(name).length > 1);
  if (twice !== undefined) throw new Problem('repeated_parameter', `Send the parameter ${twice} once.`);
  const given: Partial<Record<Name, string>> = {};
  for (const name of names) {
    const value = query.get(name);
    if (value !== null) given[name] = value;
  }
  return given;
}

function queryOf({ to, after }: { to?: string; after?: string }): InboxQuery {
  if (after !== undefined && !isId('msg', after))
    throw new Problem('invalid_request', 'after takes the id of a message, such as msg_1791234567890000001.');
  return { ...(to === undefined ? {} : { to: addressOf(to) }), ...(after === undefined ? {} : { after }) };
}

function addressOf(to: string): string {
  const address = parseEmail(to, domainToASCII);
  if (typeof address === 'string') return address;
  throw new Problem('invalid_email', 'to takes one address, such as ana@example.com.');
}

function secondsOf(wait: string): number {
  const seconds = /^\d{1,2}$/.test(wait) ? Number(wait) : Number.NaN;
  if (seconds <= WAIT_MAX) return seconds;
  throw new Problem('invalid_request', `wait takes whole seconds from 0 to ${WAIT_MAX}.`);
}
