import type { AttemptId, ClientId, MailId, SessionId, UserId } from './ids.ts';
import type { GuardName, Seen } from './tripwire.ts';

/** What happened, in the words that operators filter by. Written in the transaction of the change itself. */
export type Event =
  | { type: 'attempt.started'; attemptId: AttemptId; clientId: ClientId; data: { decision: string } }
  | { type: 'attempt.mail_asked'; attemptId: AttemptId; data: { decision: string } }
  | { type: 'attempt.code_wrong'; attemptId: AttemptId; data: { guesses: number } }
  | { type: 'attempt.code_refused'; attemptId: AttemptId; data: { reason: string } }
  | { type: 'attempt.locked'; attemptId: AttemptId }
  | { type: 'attempt.satisfied'; attemptId: AttemptId; data: { provedBy: string } }
  | { type: 'attempt.redeemed'; attemptId: AttemptId; userId: UserId; clientId: ClientId }
  | { type: 'attempt.superseded'; attemptId: AttemptId }
  | { type: 'attempt.disowned'; attemptId: AttemptId; clientId: ClientId; data: { was: string } }
  | { type: 'mail.sent'; attemptId?: AttemptId; data: { mailId: MailId } }
  | { type: 'mail.failed'; attemptId?: AttemptId; data: { mailId: MailId; reason: string } }
  | { type: 'mail.dropped'; attemptId?: AttemptId; data: { mailId: MailId; reason: string } }
  | { type: 'mail.unclear'; attemptId?: AttemptId; data: { mailId: MailId; reason: string } }
  | { type: 'user.created'; userId: UserId }
  | { type: 'user.disabled'; userId: UserId }
  | { type: 'user.enabled'; userId: UserId }
  | { type: 'user.deleted'; userId: UserId }
  | { type: 'session.started'; userId: UserId; clientId: ClientId; sessionId: SessionId }
  | { type: 'session.ended'; sessionId: SessionId }
  | { type: 'token.issued'; clientId: ClientId; userId?: UserId; data: { grant: string } }
  | { type: 'token.reused'; clientId: ClientId; data: { kind: string } }
  | { type: 'client.created'; clientId: ClientId }
  | { type: 'client.changed'; clientId: ClientId }
  | { type: 'client.deleted'; clientId: ClientId }
  | { type: 'client.secret_rotated'; clientId: ClientId }
  | { type: 'setting.changed'; data: { name: string } }
  | { type: 'keys.rotated'; data: { kid: string } }
  | { type: 'guard.raised' | 'guard.lowered'; data: { guard: GuardName } & Seen };
