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
import { mailedLink } from './headless/mailed-link.ts';
import { holdsOf, kindsFor, optionsOf } from './headless/options.ts';
import { placeOf } from './headless/place.ts';
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
    const options = record.headless?.flow === 'headless' ? optionsOf(parts.secrets, record) : undefined;
    const holds = options ? holdsOf(options, record.linksOnly) : holdsBy(record, settings);
    const made = makeSecrets(record, settings, holds);
    await saveMail(q, await mailRecord(q, { parts, row, record, made }));
    const client = await findClient(q, record.attempt.clientId);
    const link = made.token && linkTo(options?.linkUri, made.token, origin);
    const facts = { ...(made.code && { code: made.code }), ...(link && { link }) };
    const { email } = record.attempt;
    const language = settings['branding.language'];
    const kinds = options ? kindsFor(options, holds) : await kindsOf(q, { book, email, holds });
    const mailFacts = {
      appName: client?.name ?? settings['branding.name'],
      host: origin.host,
      enteredInApp: record.headless !== undefined,
      origin: origin.origin,
      words: wordsFor(record.requester.language, language),
      validMs: row.notAfter - now,
      requestedAt: row.createdAt,
      requester: record.requester,
      brand: brandOf(parts, client?.branding),
      notMe: disownLink(origin, made.disownToken),
      email,
      ...facts,
      ...(options && placeOf(options, client)),
    };
    const mail = await writeMail(q, book, { kinds, facts: mailFacts, clientId: client?.id, language, row });
    return { subject: mail.subject, text: mail.text, html: mail.html, messageId: row.id, facts };
  };
}

type Holds = 'code' | 'link' | 'both';

/** An app that goes on to an authorization code has a field for the code, and no page that a link could open. */
function holdsBy({ linksOnly, headless }: AttemptRecord, settings: SettingValues): Holds {
  if (headless?.flow === 'challenge') return 'code';
  const method = linksOnly ? 'link' : settings['passwordless.method'];
  return method === 'link' ? 'link' : method === 'otp' ? 'code' : 'both';
}

/** To our own page, or to that of an app which has one. */
function linkTo(uri: string | undefined, token: string, origin: URL): string {
  return uri === undefined ? new URL(`/l/${token}`, origin).href : mailedLink(uri, token);
}

/** Who is no user yet gets the mail of a sign-up, where there is a template for one. */
async function kindsOf(
  q: Queries,
  { book, email, holds }: { book: TemplateBook; email: Email; holds: Holds },
): Promise<[MailKind, ...MailKind[]]> {
  const [signIn, signUp] = [`sign_in_${holds}`, `sign_up_${holds}`] as const;
  if (!(await book.has(q, [signUp]))) return [signIn];
  return (await findUserByEmail(q, email)) ? [signIn] : [signUp, signIn];
}

interface MailSecrets {
  readonly code?: string;
  readonly token?: string;
  readonly disownToken: string;
}

function makeSecrets({ codeLength }: AttemptRecord, settings: SettingValues, holds: Holds): MailSecrets {
  const alphabet = symbolsOf(settings['passwordless.code_alphabet']);
  const code = holds === 'link' ? {} : { code: random.symbols(codeLength, alphabet) };
  const token = holds === 'code' ? {} : { token: random.token(LINK_BITS) };
  return { ...code, ...token, disownToken: random.token(LINK_BITS) };
}

async function mailRecord(
  q: Queries,
  given: { parts: Parts; row: OutboxRow; record: AttemptRecord; made: MailSecrets },
): Promise<MailRecord> {
  const { parts, row, record, made } = given;
  const id: AttemptId = record.attempt.id;
  const earlier = (await mailsOf(q, id)).filter((mail) => mail.id !== row.id);
  const isShown = made.code && made.token && !record.headless; // by the page of the link, which is ours
  const sealed = isShown && sealWith(deriveKey(made.token, 'link-seal'), made.code, id);
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
