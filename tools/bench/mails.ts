import { parseEmail } from '../../server/src/core/email.ts';
import { startOutbox } from '../../server/src/mail/outbox.ts';
import { createSmtpTransport } from '../../server/src/mail/smtp.ts';
import { enqueueMail } from '../../server/src/mail/store.ts';
import type { MailTransport } from '../../server/src/mail/transport.ts';
import { systemClock } from '../../server/src/platform/clock.ts';
import { migrate } from '../../server/src/platform/database/migrate.ts';
import { openDatabase } from '../../server/src/platform/database/open.ts';
import { newId } from '../../server/src/platform/random.ts';
import { openLoop } from './load.ts';

/**
 * The outbox alone, in a process like the server's: a row is written in a transaction, the worker claims it,
 * and hands a mail of the usual size to the relay. Each wait counts from when the mail was due to be asked
 * for until the relay has taken it.
 */
const [, database = '', smtpUrl = ''] = process.argv.slice(2);
const LIFE = 600_000;

const store = openDatabase(database);
await migrate(store, systemClock);
const smtp = createSmtpTransport({ url: smtpUrl, from: 'Bench <sign-in@bench.example>', clock: systemClock });
const waiting = new Map<string, (outcome: string) => void>();
const transport: MailTransport = {
  send: async (mail) => {
    const handover = await smtp.send(mail);
    waiting.get(mail.messageId)?.(handover.outcome);
    waiting.delete(mail.messageId);
    return handover;
  },
  close: () => smtp.close(),
};
const html = `<!doctype html><html lang="en"><body>${'<p>Your code is 482913.</p>'.repeat(300)}</body></html>`;
const outbox = startOutbox({
  database: store,
  clock: systemClock,
  transport,
  compose: async (_q, { id }) => ({
    subject: '482 913 is your Bench sign-in code',
    text: '482913 is your code.\n'.repeat(10),
    html,
    messageId: id,
  }),
  log: { warn: (...entry) => console.error(...entry), error: (...entry) => console.error(...entry) },
});

async function oneMail(_target: unknown, number: number): Promise<number> {
  const now = systemClock.now();
  const id = newId('msg', now);
  const to = parseEmail(`person-${number}@example.com`, (domain) => domain);
  if (typeof to !== 'string') throw new Error('the benchmark has made no address');
  const accepted = new Promise<string>((resolve) => waiting.set(id, resolve));
  await store.write((q) => enqueueMail(q, { id, kind: 'bench', to, notAfter: now + LIFE }, now));
  outbox.wake();
  const outcome = await accepted;
  if (outcome !== 'accepted') throw new Error(`a mail of the benchmark was ${outcome}`);
  return 0;
}

const nobody = { origin: '', clientId: '', clientSecret: '', redirectUri: '' };
process.on('message', (load: { perSecond: number; seconds: number }) => {
  void openLoop(oneMail, nobody, load).then((timings) => process.send?.(timings));
});
process.send?.({});
process.once('disconnect', () => void outbox.stop().then(() => process.exit(0)));
