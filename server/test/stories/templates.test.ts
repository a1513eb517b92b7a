import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { ANSWER } from '../../src/sign-in/disowning/pages.ts';
import { postern, SECRET } from '../cli/command-lines.ts';
import { AppBrowser } from '../support/app-client.ts';
import { createMailbox, notMeIn } from '../support/mailbox.ts';
import { startTestServer } from '../support/server.ts';
import {
  type Asking,
  ask,
  enter,
  eventReader,
  isSignedIn,
  type Site,
  someone,
} from '../support/sign-in-steps.ts';
import { startSmtpSink } from '../support/smtp-sink.ts';
import { good } from '../support/templates.ts';

let site: Site;
let folder: string;
let events: () => Promise<string[]>;
before(async () => {
  const mailbox = createMailbox();
  site = { mailbox, server: await startTestServer({ transport: mailbox.transport }) };
  folder = mkdtempSync(join(tmpdir(), 'postern-templates-'));
  events = eventReader(site.server);
});
after(async () => {
  await site.server.stop();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(async () => {
  await site.server.rooms.database.write((q) => q.deleteFrom('templates').execute());
  site.server.rooms.templates.book.forget();
});

/** One command line beside the running server. */
async function template(...args: string[]) {
  const { database, url } = site.server.config;
  const env = { POSTERN_DATABASE: database, POSTERN_URL: url, POSTERN_SECRET: SECRET };
  const result = await postern(['template', ...args], env);
  site.server.rooms.templates.book.forget(); // the second that another process waits
  return result;
}

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const mailOf = async (email: string, how: Asking = {}) => {
  const asked = await ask(site, email, how);
  return { asked, mail: asked.mail ?? assert.fail('there was no mail') };
};

const german = { headers: { 'accept-language': 'de' } };
const codeOf = (text: string) => /\b\d{6}\b/.exec(text)?.[0] ?? assert.fail(text);

describe('An owner who writes the sign-in mail', () => {
  it('saves it from files, and the next sign-in uses it, in the language of the person', async () => {
    const html = file('mail.html', good.html);
    const text = file('mail.txt', 'Hallo {{ user.email }}, {{ code }} gilt {{ expires_in }}.\n{{ link }}\n');
    const refused = await template(
      'save',
      'sign_in_both',
      '--locale',
      'de',
      '--subject',
      '{{ cod }}',
      '--html',
      html,
      '--text',
      text,
    );
    assert.equal(refused.code, 1);
    assert.match(refused.err, /subject 1:4: there is no variable cod; did you mean code\?/);
    const saved = await template(
      'save',
      'sign_in_both',
      '--locale',
      'de',
      '--subject',
      'Ihr Code: {{ code }}',
      '--html',
      html,
      '--text',
      text,
    );
    assert.equal(saved.code, 0, saved.err);
    assert.match(saved.out, /Saved as version 1/);
    const email = someone();
    const { asked, mail } = await mailOf(email, german);
    assert.match(mail.subject, /^Ihr Code: \d{6}$/);
    assert.match(mail.text, new RegExp(`^Hallo ${email}, \\d{6} gilt 10 Minuten\\.\n`));
    assert.match(mail.html, /<html lang="de" dir="ltr">/);
    assert.ok(isSignedIn(await enter(asked, codeOf(mail.subject))));
    const { mail: english } = await mailOf(someone());
    assert.match(
      english.subject,
      /^\d{3} \d{3} is your Acme sign-in code$/,
      'no template for English: the default',
    );
  });

  it('covers other languages with that of the deployment', async () => {
    await site.server.rooms.templates.save(
      { kind: 'sign_in_both', locale: 'en' },
      { ...good, subject: 'EN {{ code }} {{ locale }} {{ expires_in }}' },
    );
    assert.match((await mailOf(someone(), german)).mail.subject, /^EN \d{6} en 10 minutes$/);
  });

  it('gives one app a mail of its own, over the one for all', async () => {
    const { templates, clients } = site.server.rooms;
    const { client } = await clients.create({ name: 'Other', redirectUris: ['http://localhost:9/other'] });
    await templates.save({ kind: 'sign_in_both', locale: 'en' }, { ...good, subject: 'All {{ code }}' });
    await templates.save(
      { kind: 'sign_in_both', locale: 'en', client: site.server.app.id },
      { ...good, subject: '{{ app.name }} {{ code }}' },
    );
    assert.match((await mailOf(someone())).mail.subject, /^Acme \d{6}$/);
    const params = { client_id: client.id, redirect_uri: 'http://localhost:9/other' };
    assert.match((await mailOf(someone(), { params })).mail.subject, /^All \d{6}$/);
  });

  it('goes back to an earlier one, and to the default', async () => {
    const name = { kind: 'sign_in_both', locale: 'en' };
    await site.server.rooms.templates.save(name, { ...good, subject: 'One {{ code }}' });
    await site.server.rooms.templates.save(name, { subject: 'Two {{ code }}' });
    assert.match((await mailOf(someone())).mail.subject, /^Two /);
    assert.equal((await template('revert', 'sign_in_both', '1')).code, 0);
    assert.match((await mailOf(someone())).mail.subject, /^One /);
    assert.equal((await template('remove', 'sign_in_both')).code, 0);
    assert.match((await mailOf(someone())).mail.subject, /is your Acme sign-in code$/);
  });

  it('greets who is new in another way, and the page does not tell', async () => {
    const known = someone();
    const first = await mailOf(known);
    assert.ok(isSignedIn(await enter(first.asked, first.asked.code)));
    await site.server.rooms.templates.save(
      { kind: 'sign_up_both', locale: 'en' },
      { ...good, subject: 'Welcome {{ code }}' },
    );
    const [again, fresh] = [await mailOf(known), await mailOf(someone())];
    assert.match(again.mail.subject, /is your Acme sign-in code$/);
    assert.match(fresh.mail.subject, /^Welcome \d{6}$/);
    const shape = ({ asked }: typeof again) =>
      asked.page.body.replace(/[\w.+-]+@acme\.com|[\w-]{16,}/g, '').length;
    assert.ok(Math.abs(shape(again) - shape(fresh)) < 10);
  });

  it('loses no mail to a template that fails: the default leaves, and the failure is recorded', async () => {
    const { database, templates } = site.server.rooms;
    const name = { kind: 'sign_in_both', locale: 'en' };
    await templates.save(name, { ...good, text: '{% if locale == "en" %}{{ code }}{% endif %}' });
    const hides = { ...good, text: '{% if locale == "de" %}{{ code }}{% endif %}Hello' };
    for (const parts of [hides, { ...good, html: '{% later %}' }]) {
      await database.write((q) =>
        q
          .updateTable('templates')
          .set({ parts: JSON.stringify(parts), id: `tpl_${Math.floor(1e9 + performance.now())}` })
          .execute(),
      );
      templates.book.forget();
      await events();
      const { asked, mail } = await mailOf(someone());
      assert.match(mail.subject, /is your Acme sign-in code$/);
      assert.ok((await events()).includes('mail.template_failed'));
      assert.ok(isSignedIn(await enter(asked, asked.code)));
    }
  });
});

describe('An owner of an address who says "not me"', () => {
  it('gets one confirmation, from a template where there is one', async () => {
    const email = someone();
    const { mail } = await mailOf(email);
    const press = async () => {
      const owner = new AppBrowser(site.server);
      await owner.submit(await owner.open(notMeIn(mail)), notMeIn(mail));
      await site.server.mailIdle();
    };
    await press();
    assert.equal(site.mailbox.to(email).length, 2);
    const confirmation = site.mailbox.to(email)[1];
    assert.match(confirmation?.subject ?? '', /^We stopped a sign-in to Acme, \d\d:\d\d UTC$/);
    assert.doesNotMatch(confirmation?.text ?? '', /\/l\/|\/not-me\/|\b\d{6}\b/);
    const owner = new AppBrowser(site.server);
    assert.equal((await owner.post(notMeIn(mail), { answer: ANSWER })).status, 200);
    await site.server.mailIdle();
    assert.equal(site.mailbox.to(email).length, 2, 'said again, it is not confirmed again');
    await site.server.rooms.templates.save(
      { kind: 'disowned', locale: 'en' },
      { subject: 'Stopped at {{ app.name }}', preheader: '', html: '<p>{{ user.email }}</p>', text: 'x' },
    );
    const other = someone();
    const asked = await mailOf(other);
    const reader = new AppBrowser(site.server);
    await reader.submit(await reader.open(notMeIn(asked.mail)), notMeIn(asked.mail));
    await site.server.mailIdle();
    assert.equal(site.mailbox.to(other)[1]?.subject, 'Stopped at Acme');
  });
});

describe('The commands for templates', () => {
  it('check, preview, compare, list and show', async () => {
    const html = file('mail.html', good.html);
    const text = file('mail.txt', good.text);
    const parts = ['--subject', good.subject, '--html', html, '--text', text];
    assert.deepEqual(await template('check', 'sign_in_both', ...parts), {
      code: 0,
      out: 'Nothing is wrong with it.',
      err: '',
    });
    const checked = await template(
      'check',
      'sign_in_both',
      '--subject',
      'x',
      '--html',
      file('bad.html', '<p>\n {{ zork }}</p>'),
      '--text',
      text,
      '--json',
    );
    assert.equal(checked.code, 1);
    const [{ severity, part, line, column }] = JSON.parse(checked.out);
    assert.deepEqual([severity, part, line, column], ['error', 'html', 2, 5]);
    const preview = await template(
      'preview',
      'sign_in_code',
      '--locale',
      'de',
      '--out',
      mkdtempSync(join(folder, 'out-')),
    );
    assert.match(preview.out, /482 913/);
    const unsaved = await template('preview', 'sign_in_both', ...parts, '--json');
    assert.equal(unsaved.code, 0, unsaved.err);
    assert.equal(JSON.parse(unsaved.out).subject, '482913 is your Postern code');
    assert.equal((await template('list')).out, 'Every mail is the default.');
    await template('save', 'sign_in_both', ...parts);
    await template('save', 'sign_in_both', '--subject', '{{ code }}');
    assert.match((await template('list')).out, /sign_in_both +en +every client +2 +yes/);
    assert.match((await template('diff', 'sign_in_both')).out, /^--- subject ---\n- .*\n\+ \{\{ code \}\}$/);
    assert.equal(JSON.parse((await template('versions', 'sign_in_both', '--json')).out).length, 2);
    assert.match(
      (await template('show', 'sign_in_both', '--version', '1')).out,
      /^subject: \{\{ code \}\} is your/,
    );
    const wrong = await template('show', 'sign_in_both', '--version', 'x');
    assert.equal(wrong.code, 2);
    assert.match(wrong.err, /no version/);
  });

  it('send a mail to try, in a language and for a client', async () => {
    const sink = await startSmtpSink();
    const { id } = site.server.app;
    const args = ['template', 'preview', 'sign_in_both', '--locale', 'ar', '--client', id];
    const { database, url } = site.server.config;
    const env = { POSTERN_DATABASE: database, POSTERN_URL: url, POSTERN_SECRET: SECRET };
    const sent = await postern([...args, '--send', 'ana@acme.com'], { ...env, POSTERN_SMTP_URL: sink.url });
    assert.equal(sent.code, 0, sent.err);
    assert.match(sent.out, /^sent: accepted\n/);
    const mail = await sink.mails[0]?.parsed();
    assert.match(mail?.subject ?? '', /482 913.*Acme/);
    assert.match(String(mail?.html), /<html lang="ar" dir="rtl">/);
    await sink.close();
  });

  it('preview every kind in every look that it has', async () => {
    for (const kind of [
      'sign_in_code',
      'sign_in_link',
      'sign_in_both',
      'sign_up_link',
      'disowned',
      'invitation',
      'new_device',
      'email_change',
      'test',
    ]) {
      const mail = await site.server.rooms.templates.preview({ kind, locale: 'fr' });
      const sent = await site.server.rooms.templates.preview({ kind, locale: 'fr' }, { to: 'a@acme.com' });
      assert.equal(sent.html.length, mail.html.length, 'a test differs in its time only');
      assert.ok(mail.isDefault && mail.subject !== '' && mail.html.includes('<html lang="fr"'), kind);
    }
  });
});
