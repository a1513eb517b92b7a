import type { Attempt, Proof } from '../core/attempt.ts';
import type { Email } from '../core/email.ts';
import type { AttemptId, ClientId, Instant, MailId, SessionId, UserId } from '../core/ids.ts';
import type { Requester } from '../core/requester.ts';
import { locked } from '../platform/database/database.ts';
import { prepared, preparedFor } from '../platform/database/prepared.ts';
import type { Queries, Schema } from '../platform/database/schema.ts';

/** An attempt with what surrounds it: whose browser, whose interaction, and what its mails may hold. */
export interface AttemptRecord {
  readonly attempt: Attempt;
  readonly interactionHash: string;
  /** The interaction's id, sealed: a link that is opened in the same browser goes on there. */
  readonly interactionSealed: string;
  readonly generation: number;
  readonly browserHash: string;
  readonly linksOnly: boolean;
  /** Symbols of its codes; the same for all of them, so that its page can name it. */
  readonly codeLength: number;
  readonly requester: Requester;
  /** The authorization request, sealed: what is left of the interaction when its time is over. */
  readonly requestSealed: string | undefined;
  /** The session that it was redeemed for. */
  readonly sessionId: SessionId | undefined;
  /** Of one that an app asks for at the API: no page of ours belongs to it. */
  readonly headless?: HeadlessPart;
}

/** `headless` ends with the address proved, `challenge` with an authorization code. */
type Flow = 'headless' | 'challenge';

export interface HeadlessPart {
  readonly flow: Flow;
  /** What the app has asked for, sealed. */
  readonly sealed: string;
}

/** One mail of an attempt: the code and the link it carries, as keyed hashes. */
export interface MailRecord {
  readonly id: MailId;
  readonly attemptId: AttemptId;
  readonly step: number;
  readonly codeHash: string | undefined;
  readonly linkHash: string | undefined;
  readonly sealedCode: string | undefined;
  /** Of the link that says "that was not me". */
  readonly disownHash: string | undefined;
  readonly createdAt: Instant;
  readonly expiresAt: Instant;
}

type Row = Schema['attempts'];

const stateOf = (p: StateColumns): StateColumns => ({
  state: p.state,
  mails: p.mails,
  mailed_at: p.mailed_at,
  disowned_at: p.disowned_at,
  wrong_guesses: p.wrong_guesses,
  proved_by: p.proved_by,
  proved_at: p.proved_at,
  settled_at: p.settled_at,
  user_id: p.user_id,
  expires_at: p.expires_at,
});

const insertRow = prepared((q, p: Row) =>
  q
    .insertInto('attempts')
    .values({
      id: p.id,
      interaction_hash: p.interaction_hash,
      interaction_sealed: p.interaction_sealed,
      generation: p.generation,
      browser_hash: p.browser_hash,
      client_id: p.client_id,
      email: p.email,
      links_only: p.links_only,
      code_length: p.code_length,
      requester: p.requester,
      request: p.request,
      session_id: p.session_id,
      flow: p.flow,
      headless: p.headless,
      created_at: p.created_at,
      ...stateOf(p),
    })
    .onConflict((c) => c.columns(['interaction_hash', 'generation']).doNothing()),
);

const selectById = prepared((q, p: { id: string }) =>
  q.selectFrom('attempts').selectAll().where('id', '=', p.id),
);
const selectLocked = prepared((q, p: { id: string }) =>
  locked(q, q.selectFrom('attempts').selectAll().where('id', '=', p.id)),
);
const selectLatest = preparedFor((q, hashes) =>
  q
    .selectFrom('attempts')
    .selectAll()
    .where('interaction_hash', 'in', hashes)
    .orderBy('generation', 'desc')
    .limit(1),
);
const updateState = prepared((q, p: StateColumns & { id: string }) =>
  q.updateTable('attempts').set(stateOf(p)).where('id', '=', p.id),
);
const updateRedeemed = prepared((q, p: StateColumns & Pick<Row, 'id' | 'session_id'>) =>
  q
    .updateTable('attempts')
    .set({ ...stateOf(p), session_id: p.session_id })
    .where('id', '=', p.id),
);

/** False when another request has already begun this generation of the interaction. */
export async function insertAttempt(q: Queries, record: AttemptRecord): Promise<boolean> {
  return (await insertRow(q, rowOf(record))).changed > 0;
}

export async function findAttempt(q: Queries, id: AttemptId): Promise<AttemptRecord | undefined> {
  const [row] = (await selectById(q, { id })).rows;
  return row && recordOf(row);
}

/** The same, kept from others until the transaction ends. */
export async function lockAttempt(q: Queries, id: AttemptId): Promise<AttemptRecord | undefined> {
  const [row] = (await selectLocked(q, { id })).rows;
  return row && recordOf(row);
}

/** The newest attempt of an interaction, whatever its state. */
export async function latestAttempt(
  q: Queries,
  interactionHashes: string[],
): Promise<AttemptRecord | undefined> {
  const [row] = (await selectLatest(q, interactionHashes)).rows;
  return row && recordOf(row);
}

export async function saveAttempt(q: Queries, attempt: Attempt): Promise<void> {
  await updateState(q, { id: attempt.id, ...stateColumns(attempt) });
}

/** The same, with the session that it was redeemed for. */
export async function saveRedeemed(
  q: Queries,
  attempt: Attempt,
  sessionId: SessionId | undefined,
): Promise<void> {
  await updateRedeemed(q, { id: attempt.id, session_id: sessionId ?? null, ...stateColumns(attempt) });
}

/** Links-only is decided anew with each mail. */
export async function setLinksOnly(q: Queries, id: AttemptId, linksOnly: boolean): Promise<void> {
  await q
    .updateTable('attempts')
    .set({ links_only: Number(linksOnly) })
    .where('id', '=', id)
    .execute();
}

const upsertMail = prepared((q, p: Schema['attempt_mails']) => {
  const secrets = {
    code_hash: p.code_hash,
    link_hash: p.link_hash,
    sealed_code: p.sealed_code,
    disown_hash: p.disown_hash,
  };
  const facts = {
    id: p.id,
    attempt_id: p.attempt_id,
    step: p.step,
    created_at: p.created_at,
    expires_at: p.expires_at,
  };
  return q
    .insertInto('attempt_mails')
    .values({ ...facts, ...secrets })
    .onConflict((c) => c.column('id').doUpdateSet(secrets));
});

const selectMails = prepared((q, p: { attempt: string }) =>
  q
    .selectFrom('attempt_mails')
    .selectAll()
    .where('attempt_id', '=', p.attempt)
    .orderBy('step', 'desc')
    .orderBy('id', 'desc'),
);

/** A mail composed again, because it was certainly not accepted, replaces the code that nobody got. */
export async function saveMail(q: Queries, mail: MailRecord): Promise<void> {
  await upsertMail(q, {
    id: mail.id,
    attempt_id: mail.attemptId,
    step: mail.step,
    code_hash: mail.codeHash ?? null,
    link_hash: mail.linkHash ?? null,
    sealed_code: mail.sealedCode ?? null,
    disown_hash: mail.disownHash ?? null,
    created_at: mail.createdAt,
    expires_at: mail.expiresAt,
  });
}

/** All mails of an attempt, newest first. */
export async function mailsOf(q: Queries, id: AttemptId): Promise<MailRecord[]> {
  return (await selectMails(q, { attempt: id })).rows.map(mailOf);
}

export async function findMailByLink(q: Queries, linkHashes: string[]): Promise<MailRecord | undefined> {
  const row = await q
    .selectFrom('attempt_mails')
    .selectAll()
    .where('link_hash', 'in', linkHashes)
    .executeTakeFirst();
  return row && mailOf(row);
}

export async function findMailByDisown(q: Queries, disownHashes: string[]): Promise<MailRecord | undefined> {
  const row = await q
    .selectFrom('attempt_mails')
    .selectAll()
    .where('disown_hash', 'in', disownHashes)
    .executeTakeFirst();
  return row && mailOf(row);
}

function rowOf(record: AttemptRecord): Schema['attempts'] {
  const { attempt } = record;
  return {
    id: attempt.id,
    interaction_hash: record.interactionHash,
    interaction_sealed: record.interactionSealed,
    generation: record.generation,
    browser_hash: record.browserHash,
    client_id: attempt.clientId,
    email: attempt.email,
    links_only: Number(record.linksOnly),
    code_length: record.codeLength,
    requester: JSON.stringify(record.requester),
    request: record.requestSealed ?? null,
    session_id: record.sessionId ?? null,
    flow: record.headless?.flow ?? null,
    headless: record.headless?.sealed ?? null,
    created_at: attempt.createdAt,
    ...stateColumns(attempt),
  };
}

type StateColumns = Pick<
  Row,
  | 'state'
  | 'mails'
  | 'mailed_at'
  | 'wrong_guesses'
  | 'proved_by'
  | 'proved_at'
  | 'settled_at'
  | 'disowned_at'
  | 'user_id'
  | 'expires_at'
>;

function stateColumns(attempt: Attempt): StateColumns {
  const proof = attempt.state === 'satisfied' || attempt.state === 'redeemed' ? attempt : undefined;
  return {
    state: attempt.state === 'disowned' ? 'locked' : attempt.state, // the release before this one knows no other word
    mails: attempt.mailedAt.length,
    mailed_at: JSON.stringify(attempt.mailedAt),
    disowned_at: attempt.state === 'disowned' ? attempt.disownedAt : null,
    wrong_guesses: JSON.stringify(attempt.wrongGuesses),
    proved_by: proof?.provedBy ?? null,
    proved_at: proof?.provedAt ?? null,
    settled_at: settledAt(attempt),
    user_id: attempt.state === 'redeemed' ? attempt.userId : null,
    expires_at: attempt.expiresAt,
  };
}

function settledAt(attempt: Attempt): Instant | null {
  switch (attempt.state) {
    case 'redeemed':
      return attempt.redeemedAt;
    case 'locked':
      return attempt.lockedAt;
    case 'superseded':
      return attempt.supersededAt;
    case 'disowned':
      return attempt.disownedAt;
    default:
      return null;
  }
}

function recordOf(row: Schema['attempts']): AttemptRecord {
  return {
    attempt: parseAttempt(row),
    interactionHash: row.interaction_hash,
    interactionSealed: row.interaction_sealed,
    generation: row.generation,
    browserHash: row.browser_hash,
    linksOnly: row.links_only === 1,
    codeLength: row.code_length ?? CODE_LENGTH_BEFORE,
    requester: JSON.parse(row.requester),
    requestSealed: row.request ?? undefined,
    sessionId: (row.session_id ?? undefined) as SessionId | undefined,
    ...(row.flow !== null && { headless: { flow: row.flow as Flow, sealed: row.headless ?? '' } }),
  };
}

/** Only `saveAttempt` and `insertAttempt` write these rows, so the columns of a state are there. */
function parseAttempt(row: Schema['attempts']): Attempt {
  const common = {
    id: row.id as AttemptId,
    email: row.email as Email,
    clientId: row.client_id as ClientId,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    mailedAt: instantsOf(row),
    wrongGuesses: JSON.parse(row.wrong_guesses) as string[],
  };
  if (row.disowned_at !== null) return { ...common, state: 'disowned', disownedAt: row.disowned_at };
  const proof = { provedBy: row.proved_by as Proof, provedAt: row.proved_at ?? 0 };
  const settled = row.settled_at ?? 0;
  switch (row.state) {
    case 'pending':
    case 'expired':
      return { ...common, state: row.state };
    case 'satisfied':
      return { ...common, ...proof, state: 'satisfied' };
    case 'redeemed':
      return { ...common, ...proof, state: 'redeemed', redeemedAt: settled, userId: row.user_id as UserId };
    case 'locked':
      return { ...common, state: 'locked', lockedAt: settled };
    case 'superseded':
      return { ...common, state: 'superseded', supersededAt: settled };
    default:
      throw new Error(`attempt ${row.id} is in the unknown state ${row.state}`);
  }
}

/** What the release before this one leaves empty: it made codes of this many symbols, and counted mails without their times. */
const CODE_LENGTH_BEFORE = 6;

function instantsOf(row: Schema['attempts']): Instant[] {
  const known = JSON.parse(row.mailed_at ?? '[]') as Instant[];
  return known.length === row.mails ? known : Array<Instant>(row.mails).fill(row.created_at);
}

function mailOf(row: Schema['attempt_mails']): MailRecord {
  return {
    id: row.id as MailId,
    attemptId: row.attempt_id as AttemptId,
    step: row.step,
    codeHash: row.code_hash ?? undefined,
    linkHash: row.link_hash ?? undefined,
    sealedCode: row.sealed_code ?? undefined,
    disownHash: row.disown_hash ?? undefined,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}

/** Attempts with their mails, by the instant at which they ended or would have. */
export async function pruneAttempts(q: Queries, before: Instant, max: number): Promise<number> {
  const due = q.selectFrom('attempts').select('id').where('expires_at', '<', before).limit(max);
  const result = await q.deleteFrom('attempts').where('id', 'in', due).executeTakeFirst();
  return Number(result.numDeletedRows);
}
