import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { SettingName, SettingValues } from '../../src/settings/definitions.ts';
import { createMailbox } from '../support/mailbox.ts';
import { startTestServer } from '../support/server.ts';
import {
  type Asked,
  ask,
  enter,
  isSignedIn,
  type Site,
  someone,
  wrongCode,
} from '../support/sign-in-steps.ts';

let site: Site;

const set = async (values: Partial<SettingValues>) => {
  for (const [name, value] of Object.entries(values))
    await site.server.rooms.settings.set(name as SettingName, value);
};

async function guess(at: Asked, times: number): Promise<void> {
  for (let by = 1; by <= times; by += 1) await enter(at, wrongCode(at.code, by));
}

before(async () => {
  const mailbox = createMailbox();
  site = { mailbox, server: await startTestServer({ transport: mailbox.transport }) };
});
after(() => site.server.stop());

describe('The odds that the owner has set', () => {
  afterEach(() => set({ 'limits.guess_odds': 10_000 }));

  it('make the codes of new sign-ins longer, on the page too; those under way keep theirs', async () => {
    const before = await ask(site, someone());
    await set({ 'limits.guess_odds': 1_000_000 });
    const after = await ask(site, someone());
    assert.deepEqual([before.code.length, after.code.length], [6, 8]);
    assert.match(after.page.body, /data-length="8"/);
    assert.ok(isSignedIn(await enter(after, after.code)));
    assert.ok(isSignedIn(await enter(before, before.code)));
  });

  it('leave fewer failures to an address before its codes are off', async () => {
    await set({ 'limits.guess_odds': 50_000 });
    const email = someone();
    await guess(await ask(site, email), 5);
    await guess(await ask(site, email), 1);
    assert.equal((await ask(site, email)).code, '', 'six at these odds');
  });

  it('leave fewer guesses to an attempt where no code is long enough', async () => {
    await set({ 'limits.guess_odds': 1_000_000_000 });
    const at = await ask(site, someone());
    await guess(at, 3);
    assert.ok(!isSignedIn(await enter(at, at.code)));
  });
});
