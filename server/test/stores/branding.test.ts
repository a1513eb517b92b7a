import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import { type Clients, createClients } from '../../src/clients/clients.ts';
import { findClient } from '../../src/clients/store.ts';
import { Problem, type ProblemCode } from '../../src/core/problems.ts';
import { DAY } from '../../src/core/units.ts';
import { recentEvents } from '../../src/events/store.ts';
import { pruneOnce } from '../../src/oidc/pruning.ts';
import type { Clock } from '../../src/platform/clock.ts';
import type { Database } from '../../src/platform/database/database.ts';
import { createSecrets } from '../../src/platform/secrets.ts';
import { findLogo } from '../../src/settings/logo-store.ts';
import { createSettings, type Settings } from '../../src/settings/settings.ts';
import { drawing, png, svg } from '../fixtures/pictures.ts';
import { eachDatabase } from '../support/databases.ts';

const secrets = createSecrets(['a master secret of thirty-two bytes']);
const wanted = { name: 'Shop', redirectUris: ['https://shop.example.com/callback'] };

function refusal(code: ProblemCode, words: RegExp): (failure: unknown) => boolean {
  return (failure) => failure instanceof Problem && failure.code === code && words.test(failure.detail);
}

eachDatabase('branding', (store) => {
  let database: Database;
  let clients: Clients;
  let settings: Settings;
  let now = Date.UTC(2030, 0, 1);
  const clock: Clock = { now: () => now };

  before(async () => {
    database = await store.open();
    clients = createClients({ database, clock, secrets, production: true });
    settings = createSettings(database, clock);
  });

  const isKept = async (id = '') => (await database.read((q) => findLogo(q, id))) !== undefined;
  const newestEvents = async (count: number) =>
    (await database.read((q) => recentEvents(q, count))).map(({ type }) => type);

  it('a client is made with colours and logos, and shown with them', async () => {
    const branding = { colour: '#7A1F5C', colourDark: 'f0a', logo: drawing, logoDark: png(64, 64) };
    const { client } = await clients.create({ ...wanted, branding });
    assert.deepEqual(await database.read((q) => findClient(q, client.id)), {
      ...client,
      secrets: client.secrets,
    });
    const { colour, colourDark, logo = '', logoDark = '' } = client.branding;
    assert.deepEqual([colour, colourDark], ['#7a1f5c', '#ff00aa']);
    assert.match(logo, /^[\da-f]{32}-120x40\.svg$/);
    assert.match(logoDark, /^[\da-f]{32}-40x40\.png$/);
    const stored = await database.read((q) => findLogo(q, logo));
    assert.deepEqual(stored, { id: logo, type: 'image/svg+xml', bytes: Buffer.from(drawing) });
  });

  it('a client that the release before made has nothing of its own', async () => {
    const { client } = await clients.create(wanted);
    await database.write((q) =>
      q.updateTable('clients').set({ branding: null }).where('id', '=', client.id).execute(),
    );
    assert.deepEqual((await clients.show(client.id)).branding, {});
  });

  it('a change leaves what it does not name, and is an event', async () => {
    const { client } = await clients.create({ ...wanted, branding: { colour: '#7a1f5c' } });
    now += 1;
    const named = await clients.brand(client.id, { name: ' Corner shop ', logo: drawing });
    assert.deepEqual(await clients.show(client.id), named);
    assert.equal(named.name, 'Corner shop');
    assert.equal(named.branding.colour, '#7a1f5c');
    assert.equal(named.updatedAt, now);
    assert.deepEqual(await newestEvents(1), ['client.changed']);
    const plain = await clients.brand(client.id, { reset: true, colourDark: '#ffe600' });
    assert.deepEqual([plain.name, plain.branding], ['Corner shop', { colourDark: '#ffe600' }]);
  });

  it('what nobody could read or show is refused, and nothing is stored', async () => {
    const { client } = await clients.create(wanted);
    const before = { client: await clients.show(client.id), events: await newestEvents(1000) };
    const refused = [
      [
        { colour: '#ffe600', logo: png(3, 3) },
        'client_invalid',
        /contrast of 1\.3 to 1 on white.* #[\da-f]{6}\.$/,
      ],
      [{ colourDark: '#111111' }, 'client_invalid', /on the dark page/],
      [{ colour: 'red' }, 'client_invalid', /#rrggbb/],
      [{ name: '\u202e' }, 'client_invalid', /direction/],
      [{ logo: svg('<svg onload="x"/>') }, 'logo_invalid', /onload/],
      [{ logoDark: svg('GIF89a') }, 'logo_invalid', /no PNG/],
    ] as const;
    for (const [look, code, words] of refused) {
      await assert.rejects(clients.brand(client.id, look), refusal(code, words));
      const { name = wanted.name, ...branding } = { name: undefined, ...look };
      await assert.rejects(clients.create({ ...wanted, name, branding }), refusal(code, words));
    }
    assert.deepEqual({ client: await clients.show(client.id), events: await newestEvents(1000) }, before);
    assert.equal(await isKept(`${'0'.repeat(32)}-3x3.png`), false);
    await assert.rejects(clients.brand('skc_1', { colour: '#000' }), refusal('client_not_found', /skc_1/));
  });

  it('a logo of the deployment is stored and set at once, and a setting names no other', async () => {
    const id = await settings.setLogo('branding.logo', png(50, 20));
    assert.equal((await settings.current())['branding.logo'], id);
    assert.deepEqual(await newestEvents(1), ['setting.changed']);
    await settings.set('branding.logo_dark', id);
    const missing = `${'f'.repeat(32)}-50x20.png`;
    await assert.rejects(settings.set('branding.logo', missing), refusal('setting_invalid', /no such logo/));
    assert.equal((await settings.current())['branding.logo'], id);
    await assert.rejects(settings.setLogo('branding.logo', svg('<html>')), refusal('logo_invalid', /no PNG/));
  });

  it('the same picture is stored once', async () => {
    const logos = async () =>
      (await database.read((q) => q.selectFrom('logos').select('id').execute())).length;
    const { client } = await clients.create({ ...wanted, branding: { logo: png(77, 7) } });
    const count = await logos();
    await clients.create({ ...wanted, branding: { logo: png(77, 7), logoDark: png(77, 7) } });
    assert.equal(await settings.setLogo('branding.logo', png(77, 7)), client.branding.logo);
    assert.equal(await logos(), count);
  });

  it('a logo is kept while anybody shows it, and a day from when it was stored last', async () => {
    const only = await clients.create({ ...wanted, branding: { logo: png(31, 9) } });
    const dark = await clients.create({ ...wanted, branding: { logo: png(32, 9), logoDark: png(33, 9) } });
    const shared = await settings.setLogo('branding.logo', png(31, 9));
    assert.equal(shared, only.client.branding.logo);
    now += 2 * DAY;
    await pruneOnce(database, clock);
    for (const id of [shared, dark.client.branding.logo ?? '', dark.client.branding.logoDark ?? ''])
      assert.equal(await isKept(id), true, id);
    await clients.remove(only.client.id);
    await clients.remove(dark.client.id);
    await pruneOnce(database, clock);
    assert.equal(await isKept(shared), true);
    assert.equal(await isKept(dark.client.branding.logo), false);
    assert.equal(await isKept(dark.client.branding.logoDark), false);
    await settings.set('branding.logo', '');
    const again = await clients.create({ ...wanted, branding: { logo: png(31, 9) } });
    await clients.remove(again.client.id);
    await pruneOnce(database, clock);
    assert.equal(await isKept(shared), true, 'it was stored a moment ago');
    now += DAY + 1;
    await pruneOnce(database, clock);
    assert.equal(await isKept(shared), false);
  });

  it('a logo that is chosen while it is pruned is there, or is refused', async () => {
    const other = createSettings(await store.open(), clock);
    for (let round = 0; round < 10; round += 1) {
      const id = await settings.setLogo('branding.logo', png(200, 11 + round));
      await settings.set('branding.logo', '');
      now += DAY + 1;
      const [chosen] = await Promise.allSettled([other.set('branding.logo', id), pruneOnce(database, clock)]);
      assert.equal(await isKept(id), chosen.status === 'fulfilled');
      if (chosen.status === 'rejected') assert.ok(refusal('setting_invalid', /no such logo/)(chosen.reason));
    }
  });
});
