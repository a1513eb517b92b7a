import { ENVIRONMENT, type Instant, type InterceptorId } from '../../core/ids.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Outbound } from '../../platform/http/outbound.ts';
import { signedHeaders } from '../../platform/http/webhook-signature.ts';
import { newId } from '../../platform/random.ts';
import type { Secrets } from '../../platform/secrets.ts';
import { openSecrets } from '../deliveries/signing-secrets.ts';
import { type InterceptorAnswer, parseAnswer } from './answer.ts';
import type { Interceptor, InterceptorKind } from './store.ts';

/** What an interceptor came to. `failure`: it gave no answer that counts, and the owner's choice stands in for it. */
export interface Asked {
  readonly interceptorId: InterceptorId;
  readonly kind: InterceptorKind;
  readonly answer: InterceptorAnswer;
  readonly failure?: string;
  readonly status?: number;
  readonly ms: number;
}

/** What it is told: facts of who wants to do what. Never a code, a link or a token. */
export interface Question {
  readonly context: Readonly<Record<string, unknown>>;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface AskingParts {
  readonly clock: Clock;
  readonly secrets: Secrets;
  readonly outbound: Outbound;
  readonly local: boolean;
}

const NAMES: Readonly<Record<InterceptorKind, string>> = {
  PRE_SIGNUP: 'Pre Signup',
  PRE_SESSION_CREATION: 'Pre Session Creation',
};

/** One signed request, and what its answer means. Never rejects. Outside of transactions only: it may take its whole time. */
export async function askOne(parts: AskingParts, one: Interceptor, question: Question): Promise<Asked> {
  const at = parts.clock.now();
  const about = { interceptorId: one.id, kind: one.kind };
  const spent = () => Math.max(0, parts.clock.now() - at);
  try {
    const { status, body } = await parts.outbound(requestOf(parts, one, { question, at }));
    const answer = status >= 200 && status < 300 ? parseAnswer(body) : `it answered ${status}`;
    const facts = { ...about, status, ms: spent() };
    return typeof answer === 'string' ? { ...facts, ...failed(one, answer) } : { ...facts, answer };
  } catch (failure) {
    const reason = failure instanceof Error ? failure.message : String(failure);
    return { ...about, ms: spent(), ...failed(one, reason.slice(0, 200)) };
  }
}

function requestOf(
  parts: AskingParts,
  one: Interceptor,
  { question, at }: { question: Question; at: Instant },
): Parameters<Outbound>[0] {
  const id = newId('evt', at);
  const body = JSON.stringify({
    spec_version: '1',
    id,
    trigger_point: one.kind,
    display_name: NAMES[one.kind],
    object: 'Interceptor',
    occurred_at: new Date(at).toISOString(),
    environment_id: ENVIRONMENT,
    organization_id: null,
    interceptor_context: question.context,
    data: question.data,
  });
  const secrets = openSecrets({ secrets: parts.secrets, owner: one.id }, one.secrets, at);
  if (secrets.length === 0) throw new Error('its secret cannot be opened: rotate it');
  return {
    url: one.url,
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...signedHeaders(secrets, { prefix: 'interceptor', id, body, now: at }),
    },
    body,
    within: one.timeoutMs,
    anew: true, // a person is turned away when it fails
    reach: parts.local ? 'private' : one.reach,
  };
}

function failed(one: Interceptor, failure: string): { answer: InterceptorAnswer; failure: string } {
  const denial = { decision: 'deny', message: 'the sign-in cannot be checked now' } as const;
  return { failure, answer: one.onFailure === 'allow' ? { decision: 'allow' } : denial };
}
