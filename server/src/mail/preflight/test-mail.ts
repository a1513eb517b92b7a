import type { Instant } from '../../core/ids.ts';
import type { OutgoingMail } from '../transport.ts';

/** A mail that is known in advance to the last byte, to be compared with what arrives. */
export type TestMail = Pick<OutgoingMail, 'subject' | 'text' | 'html'> & { readonly link: string };

/** The test mail of an instant; its link leads to `url`, and does nothing there. */
export function testMail(at: Instant, url: string): TestMail {
  const time = new Date(at).toISOString();
  const link = `${url}/?test-mail=${at}`;
  const asked = `This mail was asked for with "postern mail test" at ${time}.`;
  const must = 'Its link must arrive as it was sent, and lead to the sign-in pages without a detour:';
  return {
    link,
    subject: `A test mail, ${time}`,
    text: `${asked}\n\n${must}\n${link}\n`,
    html: `<!doctype html><html lang="en"><body><p>${asked}</p><p>${must}<br><a href="${link}">${link}</a></p></body></html>`,
  };
}

/** When a test mail was written, by what is left of it. */
export function testMailAt(words: string): Instant | undefined {
  const time = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/.exec(words)?.[0];
  const at = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isFinite(at) ? at : undefined;
}
