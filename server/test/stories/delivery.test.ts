import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { SECOND } from '../../src/core/units.ts';
import type { Handover, MailTransport } from '../../src/mail/transport.ts';
import { AppBrowser } from '../support/app-client.ts';
import { createFakeClock } from '../support/clock.ts';
import { createMailbox } from '../support/mailbox.ts';
import { startTestServer } from '../support/server.ts';
import { ask, begin, type Site, someone } from '../support/sign-in-steps.ts';

const clock = createFakeClock();
const mailbox = createMailbox();
let next: Handover = { outcome: 'accepted' };
const transport: MailTransport = {
  send: async (mail) => (next.outcome === 'accepted' ? mailbox.transport.send(mail) : next),
  close: async () => undefined,
};
let site: Site;

before(async () => {
  site = { mailbox, server: await startTestServer({ transport, clock }) };
});
after(() => site.server.stop());
afterEach(async () => {
  next = { outcome: 'accepted' };
  await site.server.rooms.settings.set('sign_up.policy', 'open');
});

const statusOf = async (browser: AppBrowser, home: string) =>
  JSON.parse((await browser.open(`${home}/status`)).body) as { state: string; delivery?: string };

describe('The waiting page tells the browser that asked what became of the mail', () => {
  it('accepted, once a mail server has taken it', async () => {
    const { browser, home, page } = await ask(site, someone());
    assert.match(page.body, /Our mail is on its way/);
    clock.advance(4 * SECOND);
    assert.deepEqual(await statusOf(browser, home), { state: 'pending', delivery: 'accepted' });
    assert.match((await browser.open(home)).body, /The mail server of acme\.com has accepted our mail/);
  });

  it('that their mail server asks us to wait', async () => {
    next = { outcome: 'unsent', reason: '451 come back later' };
    const { browser, home } = await ask(site, someone());
    clock.advance(SECOND / 2);
    assert.equal((await statusOf(browser, home)).delivery, 'deferred');
    assert.match((await browser.open(home)).body, /asks us to wait/);
  });

  it('that their mail server refused it, as something to correct', async () => {
    next = { outcome: 'refused', reason: '550 no such user' };
    const { browser, home } = await ask(site, someone());
    clock.advance(SECOND / 2);
    assert.equal((await statusOf(browser, home)).delivery, 'failed');
    const { body } = await browser.open(home);
    assert.match(body, /<title>Error: Check your email/);
    assert.match(body, /did not take our mail\. Check the address/);
    assert.doesNotMatch(body, /550/);
  });

  it('and nobody else', async () => {
    const { home } = await ask(site, someone());
    clock.advance(4 * SECOND);
    assert.deepEqual(await statusOf(new AppBrowser(site.server), home), { state: 'none' });
  });
});

describe('The state of a mail', () => {
  it('is the same at every moment for an address that gets none', async () => {
    const disabled = someone();
    await ask(site, disabled);
    await signUp(disabled);
    await site.server.rooms.users.disable(disabled);
    const seen = await Promise.all([someone(), disabled].map((email) => ask(site, email)));
    for (const step of [0, SECOND / 2, SECOND, 4 * SECOND]) {
      clock.advance(step);
      const states = await Promise.all(seen.map(({ browser, home }) => statusOf(browser, home)));
      assert.deepEqual(states[0], states[1], `after ${step} ms more`);
    }
  });

  it('tells no trouble where not everybody may sign up, since a stranger has none', async () => {
    await site.server.rooms.settings.set('sign_up.policy', 'closed');
    next = { outcome: 'refused', reason: '550 no such user' };
    const stranger = await ask(site, someone());
    clock.advance(4 * SECOND);
    assert.equal((await statusOf(stranger.browser, stranger.home)).delivery, 'accepted');
  });
});

async function signUp(email: string): Promise<void> {
  const { browser, home } = await begin(site);
  await browser.post(`${home}/start`, { email });
  await site.server.mailIdle();
  const code = site.mailbox.to(email).at(-1)?.facts?.code ?? '';
  await browser.post(`${home}/code`, { code });
}
