import type { FakeProvider } from './fake-api.ts';
import { httpHook } from './http-hook.ts';
import { mailgun } from './mailgun.ts';
import { postmark } from './postmark.ts';
import { resend } from './resend.ts';
import { sendgrid } from './sendgrid.ts';
import { ses } from './ses.ts';

export const fakeProviders: readonly FakeProvider[] = [ses, sendgrid, postmark, mailgun, resend, httpHook];
