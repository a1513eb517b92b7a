import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type DnsServer, startDnsServer } from '../fixtures/dns-server.ts';
import { titleOf } from '../support/app-client.ts';
import { createMailbox } from '../support/mailbox.ts';
import { startTestServer } from '../support/server.ts';
import { ask, enter, isSignedIn, type Site, stateOf } from '../support/sign-in-steps.ts';

let dns: DnsServer;
let site: Site;

before(async () => {
  dns = await startDnsServer({
    'acme.example': { mx: [[10, 'mx.acme.example']] },
    'workspace.example': {
      mx: [
        [5, 'alt1.aspmx.l.google.com'],
        [1, 'aspmx.l.google.com'],
      ],
    },
    'null.example': { mx: [[0, '.']], a: ['192.0.2.1'] },
    'empty.example': {},
    'broken.example': { failure: 'SERVFAIL' },
    'silent.example': { silent: 'all' },
  });
  const mailbox = createMailbox();
  const given = {
    transport: mailbox.transport,
    resolver: dns.resolver,
    settings: { 'email.check_domain': true },
  };
  site = { mailbox, server: await startTestServer(given) };
});
after(async () => {
  await site.server.stop();
  await dns.stop();
});
beforeEach(() => {
  dns.asked.length = 0;
});

describe('An address whose domain', () => {
  for (const domain of ['null.example', 'empty.example', 'nowhere.example'])
    it(`takes no mail (${domain}) is told so, with the address to correct, and nothing is written`, async () => {
      const before = await stateOf(site.server);
      const { page, mail } = await ask(site, `ada@${domain}`);
      assert.deepEqual([page.status, mail], [400, undefined]);
      assert.match(titleOf(page), /^Error: /);
      assert.match(page.body, new RegExp(`name="email" value="ada@${domain}"`));
      assert.match(page.body, new RegExp(`id="fault">.*${domain}`));
      const now = await stateOf(site.server);
      assert.deepEqual({ ...now, oidc_records: '' }, { ...before, oidc_records: '' });
    });

  for (const domain of ['acme.example', 'broken.example', 'silent.example'])
    it(`takes mail, or may take some (${domain}), gets one`, async () => {
      const began = performance.now();
      const at = await ask(site, `ada@${domain}`);
      assert.ok(isSignedIn(await enter(at, at.code)));
      assert.ok(performance.now() - began < 2500);
    });

  it('takes no mail is told so also where it has a user already: the domain alone decides', async () => {
    await site.server.rooms.settings.set('email.check_domain', false);
    const at = await ask(site, 'ada@null.example');
    assert.ok(isSignedIn(await enter(at, at.code)), 'the owner wants no check');
    await site.server.rooms.settings.set('email.check_domain', true);
    const answers: unknown[] = [];
    for (const name of ['ada', 'eve']) {
      const { page } = await ask(site, `${name}@null.example`);
      answers.push([page.status, titleOf(page)]);
    }
    assert.deepEqual(answers[0], answers[1]);
  });

  it('everybody knows is not asked for', async () => {
    assert.ok((await ask(site, 'ada@gmail.com')).mail);
    assert.deepEqual(dns.asked, []);
  });

  it('is served by a known provider gets the way to its inbox', async () => {
    const { page } = await ask(site, 'ada@workspace.example');
    assert.match(page.body, /https:\/\/mail\.google\.com\//);
    assert.doesNotMatch((await ask(site, 'ada@acme.example')).page.body, /https:\/\/mail\.google\.com\//);
  });
});

describe('Where mails do not leave', () => {
  it('no domain is asked for', async () => {
    const mailbox = createMailbox();
    const server = await startTestServer({
      transport: mailbox.transport,
      settings: { 'email.check_domain': true },
    });
    assert.ok((await ask({ mailbox, server }, 'ada@null.example')).mail);
    await server.stop();
    assert.deepEqual(dns.asked, []);
  });
});
