import { httpHook } from './http-hook.ts';
import { mailgun } from './mailgun.ts';
import { postmark } from './postmark.ts';
import type { ProviderKind } from './provider.ts';
import { resend } from './resend.ts';
import { sendgrid } from './sendgrid.ts';
import { ses } from './ses.ts';
import { smtpServer } from './smtp-server.ts';

/** Every kind of provider by its name, in the order in which they are offered. */
export const providerKinds: Readonly<Record<string, ProviderKind>> = Object.fromEntries(
  [smtpServer, ses, sendgrid, postmark, mailgun, resend, httpHook].map((kind) => [kind.kind, kind]),
);
