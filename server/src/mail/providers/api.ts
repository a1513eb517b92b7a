import type { z } from 'zod';
import { type Instant, isId, type MailId } from '../../core/ids.ts';
import type { Finding } from '../../platform/finding.ts';
import { type OutboundAnswer, OutboundFailure } from '../../platform/http/outbound.ts';
import type { Sender } from '../message.ts';
import { type Handover, isCanonical, type OutgoingMail, presentable } from '../transport.ts';

/** The JSON of an answer or a webhook; undefined for anything else. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What `schema` finds in a text, if it is there. */
export function readJson<T extends z.ZodType>(schema: T, text: string): z.infer<T> | undefined {
  return schema.safeParse(jsonOf(text)).data;
}

/**
 * Hands a mail over by one request. `judge` says what an answer below 500 means; 429 and 5xx are no
 * acceptance, but a gateway that has waited in vain (504) knows as little as we do.
 */
export async function handOverBy(
  mail: OutgoingMail,
  request: () => Promise<OutboundAnswer>,
  judge: (answer: OutboundAnswer) => Handover,
): Promise<Handover> {
  if (!isCanonical(mail.to)) return { outcome: 'refused', reason: 'the address is not one we send to' };
  const handover = await attempted(request, judge);
  return 'reason' in handover ? { ...handover, reason: presentable(handover.reason, mail.facts) } : handover;
}

async function attempted(
  request: () => Promise<OutboundAnswer>,
  judge: (answer: OutboundAnswer) => Handover,
): Promise<Handover> {
  try {
    const answer = await request();
    if (answer.status === 504) return { outcome: 'unclear', reason: 'the provider answered 504' };
    if (answer.status === 429 || answer.status >= 500) return unsent(answer);
    return judge(answer);
  } catch (failure) {
    if (!(failure instanceof OutboundFailure)) throw failure;
    return { outcome: failure.began ? 'unclear' : 'unsent', reason: failure.message };
  }
}

/** The provider did not take it, and not because of the recipient: another try or another provider may do. */
export function unsent(answer: OutboundAnswer): Handover {
  return { outcome: 'unsent', reason: said(answer) };
}

export function refused(answer: OutboundAnswer): Handover {
  return { outcome: 'refused', reason: said(answer) };
}

/** Status and first words of an answer. */
export function said({ status, body }: OutboundAnswer): string {
  return `${status} ${body.slice(0, 300)}`.trim();
}

export function accepted(providerMessageId: string | undefined): Handover {
  return {
    outcome: 'accepted',
    ...(providerMessageId && { providerMessageId: providerMessageId.slice(0, 200) }),
  };
}

/** Fields of our own that a mail carries wherever it goes; the provider writes the rest. */
export function extraFields(mail: OutgoingMail): Record<string, string> {
  return {
    'X-Entity-Ref-ID': mail.messageId,
    'Auto-Submitted': 'auto-generated',
    'X-Auto-Response-Suppress': 'All',
    ...mail.headers,
  };
}

/** `Message-ID` for providers that keep ours. */
export function messageIdField(mail: OutgoingMail, sender: Sender): string {
  return `<${mail.messageId}@${sender.domain}>`;
}

/** The id of a mail as it comes back in a report. */
export function mailIdOf(value: unknown): MailId | undefined {
  const text = Array.isArray(value) ? value[0] : value;
  return typeof text === 'string' && isId('msg', text) ? text : undefined;
}

/** A report's own time; the time of its arrival where it has none that can be read. */
export function instantOf(value: unknown, otherwise: Instant): Instant {
  const at =
    typeof value === 'number' ? value * 1000 : typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isFinite(at) ? Math.trunc(at) : otherwise;
}

/** One finding for one question to an API. */
export async function finding(
  about: { id: string; why: string; fix: string },
  ask: () => Promise<{ readonly status: Finding['status']; readonly what: string; readonly fix?: string }>,
): Promise<Finding> {
  const { id, why, fix } = about;
  try {
    const found = await ask();
    return found.status === 'ok'
      ? { id, why, status: found.status, what: found.what }
      : { id, why, fix, ...found };
  } catch (failure) {
    if (!(failure instanceof OutboundFailure)) throw failure;
    const what = `The provider cannot be asked: ${failure.message}.`;
    return { id, why, status: 'fail', what, fix: 'Let this machine reach the provider, and try again.' };
  }
}

export const CREDENTIALS = {
  id: 'mail.credentials',
  why: 'Without them the provider takes no mail.',
  fix: 'Make a new key at the provider, and give it with: postern mail provider change ID',
};
export const DOMAIN = {
  id: 'mail.domain',
  why: 'Mail from a domain that the provider has not verified is refused, or ends in the spam folder.',
  fix: "Verify the domain at the provider: it shows the DNS records to set, DKIM's among them.",
};
export const TRACKING = {
  id: 'mail.tracking',
  why: 'Tracking rewrites the links of a mail: a sign-in link then leads somewhere else first.',
  fix: 'Switch click and open tracking off at the provider, for this domain or server.',
};
