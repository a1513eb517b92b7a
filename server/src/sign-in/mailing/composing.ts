import { findClient } from '../../clients/store.ts';
import type { Compose } from '../../mail/outbox.ts';
import type { OutboxRow } from '../../mail/store.ts';
import type { TemplateBook } from '../../mail/templates/book.ts';
import type { Queries } from '../../platform/database/schema.ts';
import { wordsFor } from '../../platform/words/words.ts';
import { brandOf } from '../branding.ts';
import { composeSignIn } from '../composing.ts';
import type { Parts } from '../sign-in.ts';
import { type AttemptRecord, findAttempt } from '../store.ts';
import { type MailFacts, writeMail } from './writing.ts';

/** Writes every kind of mail that the server sends by itself. */
export function composeMails(parts: Parts, origin: URL, book: TemplateBook): Compose {
  const signIn = composeSignIn(parts, origin, book);
  return (q, row) =>
    row.kind === 'disowned' ? composeDisowned(q, row, { parts, origin, book }) : signIn(q, row);
}

interface Given {
  readonly parts: Parts;
  readonly origin: URL;
  readonly book: TemplateBook;
}

/** Confirms a "not me" to the mailbox that said it. */
async function composeDisowned(
  q: Queries,
  row: OutboxRow,
  { parts, origin, book }: Given,
): ReturnType<Compose> {
  const record = row.attemptId && (await findAttempt(q, row.attemptId));
  if (!record) return undefined;
  const settings = parts.settings.snapshot();
  const client = await findClient(q, record.attempt.clientId);
  const appName = client?.name ?? settings['branding.name'];
  const language = settings['branding.language'];
  const brand = brandOf(parts, client?.branding);
  const facts = {
    ...disownedFacts(record, origin),
    appName,
    brand,
    words: wordsFor(record.requester.language, language),
  };
  const mail = await writeMail(q, book, { kinds: ['disowned'], facts, clientId: client?.id, language, row });
  return { subject: mail.subject, text: mail.text, html: mail.html, messageId: row.id };
}

function disownedFacts(
  { attempt, requester }: AttemptRecord,
  origin: URL,
): Omit<MailFacts, 'appName' | 'brand' | 'words'> {
  return {
    host: origin.host,
    origin: origin.origin,
    validMs: 0,
    requestedAt: attempt.createdAt,
    requester,
    email: attempt.email,
  };
}
