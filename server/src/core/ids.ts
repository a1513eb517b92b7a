/** Prefixed identifiers; the prefix is the type, for the reader of a log as for the compiler. */
type Branded<Prefix extends string> = `${Prefix}_${string}`;

export type UserId = Branded<'usr'>;
export type SessionId = Branded<'ses'>;
export type ClientId = Branded<'skc'>;
export type AttemptId = Branded<'req'>;
export type MailId = Branded<'msg'>;
export type SecretId = Branded<'sec'>;
export type TemplateId = Branded<'tpl'>;
export type ProviderId = Branded<'prv'>;
export type EndpointId = Branded<'whk'>;
export type DeliveryId = Branded<'dlv'>;
export type InterceptorId = Branded<'icp'>;
export type EventId = Branded<'evt'>;

/** Milliseconds since 1970-01-01T00:00Z. */
export type Instant = number;

/** The one connection that a passwordless deployment has; `connection_id` at authorize may name it. */
export const PASSWORDLESS_CONNECTION = 'conn_1';

/** Callers are told the environment of things: a deployment is one. */
export const ENVIRONMENT = 'env_1';

/** Tells whether `value` is `prefix_` followed by decimal digits, as every identifier we make is. */
export function isId<P extends string>(prefix: P, value: string): value is `${P}_${string}` {
  return value.startsWith(`${prefix}_`) && /^[0-9]{1,21}$/.test(value.slice(prefix.length + 1));
}
