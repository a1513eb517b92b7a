import { findClient } from '../clients/store.ts';
import { timePassed } from '../core/attempt.ts';
import { symbolsOf } from '../core/code.ts';
import type { Email } from '../core/email.ts';
import type { AttemptId } from '../core/ids.ts';
import type { Compose } from '../mail/outbox.ts';
import type { OutboxRow } from '../mail/store.ts';
import { createTemplateBook, type TemplateBook } from '../mail/templates/book.ts';
import type { MailKind } from '../mail/templates/variables.ts';
import type { Queries } from '../platform/database/schema.ts';
import { random } from '../platform/random.ts';
import { deriveKey, sealWith } from '../platform/secrets.ts';
import { wordsFor } from '../platform/words/words.ts';
import type { SettingValues } from '../settings/definitions.ts';
import { findUserByEmail } from '../users/store.ts';
import { brandOf } from './branding.ts';
import { disownLink } from './disowning/disowning.ts';
import { writeMail } from './mailing/writing.ts';
import type { Parts } from './sign-in.ts';
import { type AttemptRecord, lockAttempt, type MailRecord, mailsOf, saveMail } from './store.ts';

/** Bits of a link token: nothing to guess, and the whole address stays short enough never to wrap. */
const LINK_BITS = 128;

/**
 * Makes the code and the link at the moment of hand-over, in the transaction that claims the mail. They
 * are in the mail and nowhere else: the store keeps keyed hashes, and the code sealed under the link.
 */
export function composeSignIn(
  parts: Parts,
  origin: URL,
  book: TemplateBook = createTemplateBook(parts.clock),
): Compose {
  return async (q, row) => {
    const settings = parts.settings.snapshot();
    const now = parts.clock.now();
    const record = row.attemptId && (await lockAttempt(q, row.attemptId));
    if (!record || timePassed(record.attempt, now).state !== 'pending') return undefined;
    const made = makeSecrets(record, settings);
    await saveMail(q, await mailRecord(q, { parts, row, record, made }));
    const client = await findClient(q, record.attempt.clientId);
    const link = made.token && new URL(`/l/${made.token}`, origin).href;
    const facts = { ...(made.code && { code: made.code }), ...(link && { link }) };
    const { email } = record.attempt;
    const language = settings['branding.language'];
    const kinds = await kindsOf(q, { book, email, made });
    const mailFacts = {
      appName: client?.name ?? settings['branding.name'],
      host: origin.host,
      origin: origin.origin,
      words: wordsFor(record.requester.language, language),
      validMs: row.notAfter - now,
      requestedAt: row.createdAt,
      requester: record.requester,
      brand: brandOf(parts, client?.branding),
      notMe: disownLink(origin, made.disownToken),
      email,
      ...facts,
    };
    const mail = await writeMail(q, book, { kinds, facts: mailFacts, clientId: client?.id, language, row });
    return { subject: mail.subject, text: mail.text, html: mail.html, messageId: row.id, facts };
  };
}

/** Who is no user yet gets the mail of a sign-up, where there is a template for one. */
async function kindsOf(
  q: Queries,
  { book, email, made }: { book: TemplateBook; email: Email; made: MailSecrets },
): Promise<[MailKind, ...MailKind[]]> {
  const holds = made.code === undefined ? 'link' : made.token === undefined ? 'code' : 'both';
  const [signIn, signUp] = [`sign_in_${holds}`, `sign_up_${holds}`] as const;
  if (!(await book.has(q, [signUp]))) return [signIn];
  return (await findUserByEmail(q, email)) ? [signIn] : [signUp, signIn];
}

interface MailSecrets {
  readonly code?: string;
  readonly token?: string;
  readonly disownToken: string;
}

function makeSecrets(record: AttemptRecord, settings: SettingValues): MailSecrets {
  const method = methodOf(record, settings);
  const code =
    method === 'link'
      ? {}
      : {
          code: random.symbols(record.codeLength, symbolsOf(settings['passwordless.code_alphabet'])),
        };
  const token = method === 'otp' ? {} : { token: random.token(LINK_BITS) };
  return { ...code, ...token, disownToken: random.token(LINK_BITS) };
}

/** An app that goes on to an authorization code has a field for the code, and no page that a link could open. */
function methodOf(record: AttemptRecord, settings: SettingValues): SettingValues['passwordless.method'] {
  if (record.headless?.flow === 'challenge') return 'otp';
  return record.linksOnly ? 'link' : settings['passwordless.method'];
}

async function mailRecord(
  q: Queries,
  given: { parts: Parts; row: OutboxRow; record: AttemptRecord; made: MailSecrets },
): Promise<MailRecord> {
  const { parts, row, made } = given;
  const id: AttemptId = given.record.attempt.id;
  const earlier = (await mailsOf(q, id)).filter((mail) => mail.id !== row.id);
  const sealed = made.code && made.token && sealWith(deriveKey(made.token, 'link-seal'), made.code, id);
  return {
    id: row.id,
    attemptId: id,
    step: earlier.length + 1,
    codeHash: made.code && parts.secrets.hash('attempt-code', `${id}:${made.code}`),
    linkHash: made.token && parts.secrets.hash('link-token', made.token),
    sealedCode: sealed || undefined,
    disownHash: parts.secrets.hash('disown-token', made.disownToken),
    createdAt: row.createdAt,
    expiresAt: row.notAfter,
  };
}
