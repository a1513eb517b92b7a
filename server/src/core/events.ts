import type { SuppressionReason } from './delivery.ts';
import type {
  AttemptId,
  ClientId,
  DeliveryId,
  EndpointId,
  InterceptorId,
  MailId,
  ProviderId,
  SessionId,
  UserId,
} from './ids.ts';
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
  | { type: 'mail.sent'; attemptId?: AttemptId; data: { mailId: MailId; providerId?: ProviderId } }
  | { type: 'mail.dropped'; attemptId?: AttemptId; data: { mailId: MailId; reason: string } }
  | { type: 'mail.unclear'; attemptId?: AttemptId; data: { mailId: MailId; reason: string } }
  | {
      type: MailNews;
      attemptId?: AttemptId;
      data: { mailId: MailId; providerId?: ProviderId; reason: string };
    }
  | { type: 'mail.suppression_lifted'; data: { providerId: string; reason: SuppressionReason } }
  | { type: 'mail.provider_added' | 'mail.provider_changed' | 'mail.provider_removed'; data: AboutProvider }
  | { type: 'mail.provider_down'; data: AboutProvider & { reason: string } }
  | { type: 'mail.provider_up'; data: AboutProvider }
  | {
      type: 'mail.template_failed';
      attemptId?: AttemptId;
      data: { mailId: MailId; template: string; reason: string };
    }
  | { type: 'template.saved' | 'template.reverted' | 'template.removed'; data: AboutTemplate }
  | { type: 'user.created'; userId: UserId }
  | { type: 'user.changed'; userId: UserId }
  | { type: 'user.disabled'; userId: UserId }
  | { type: 'user.enabled'; userId: UserId }
  | { type: 'user.deleted'; userId: UserId }
  | { type: 'session.started'; userId: UserId; clientId: ClientId; sessionId: SessionId }
  | { type: 'session.ended'; sessionId: SessionId; userId: UserId; data: { as: 'logout' | 'revoked' } }
  | { type: 'token.issued'; clientId: ClientId; userId?: UserId; data: { grant: string } }
  | { type: 'token.reused'; clientId: ClientId; data: { kind: string } }
  | { type: 'client.created'; clientId: ClientId }
  | { type: 'client.changed'; clientId: ClientId }
  | { type: 'client.deleted'; clientId: ClientId }
  | { type: 'client.secret_rotated'; clientId: ClientId }
  | { type: 'client.secret_added' | 'client.secret_removed'; clientId: ClientId }
  | { type: 'client.secret_disabled' | 'client.secret_enabled'; clientId: ClientId }
  | { type: 'setting.changed'; data: { name: string } }
  | { type: 'keys.rotated'; data: { kid: string } }
  | { type: 'webhook.endpoint_created' | 'webhook.endpoint_changed'; data: AboutEndpoint }
  | { type: 'webhook.endpoint_deleted' | 'webhook.secret_rotated'; data: AboutEndpoint }
  | { type: 'webhook.endpoint_disabled'; data: AboutEndpoint & { reason: string } }
  | { type: 'webhook.delivery_dead'; data: AboutEndpoint & { deliveryId: DeliveryId; eventType: string } }
  | { type: 'webhook.replayed'; data: AboutEndpoint & { deliveries: number } }
  | { type: 'interceptor.created' | 'interceptor.changed' | 'interceptor.deleted'; data: AboutInterceptor }
  | { type: 'interceptor.secret_rotated'; data: AboutInterceptor }
  | { type: 'interceptor.denied'; attemptId: AttemptId; clientId: ClientId; data: AboutInterceptor }
  | {
      type: 'interceptor.failed';
      attemptId: AttemptId;
      clientId: ClientId;
      data: AboutInterceptor & { reason: string };
    }
  | { type: 'guard.raised' | 'guard.lowered'; data: { guard: GuardName } & Seen };

/** What a provider has reported of a mail, or what we know of its address. */
export type MailNews =
  | 'mail.failed'
  | 'mail.deferred'
  | 'mail.delivered'
  | 'mail.bounced_soft'
  | 'mail.bounced_hard'
  | 'mail.complained'
  | 'mail.suppressed';

interface AboutProvider {
  readonly providerId: ProviderId;
  readonly name: string;
}

/** A template by what it is for; `version` is the one in use from then on. */
interface AboutTemplate {
  readonly kind: string;
  readonly locale: string;
  /** Empty for the whole deployment. */
  readonly client: string;
  readonly version?: number;
}

interface AboutEndpoint {
  readonly endpointId: EndpointId;
}

interface AboutInterceptor {
  readonly interceptorId: InterceptorId;
  readonly kind: string;
}
