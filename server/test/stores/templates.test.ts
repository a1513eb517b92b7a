import assert from 'node:assert/strict';
import { before, beforeEach, it } from 'node:test';
import { type Clients, createClients } from '../../src/clients/clients.ts';
import { Problem, type ProblemCode } from '../../src/core/problems.ts';
import { recentEvents } from '../../src/events/store.ts';
import type { MailKind } from '../../src/mail/templates/variables.ts';
import type { Clock } from '../../src/platform/clock.ts';
import type { Database } from '../../src/platform/database/database.ts';
import { createSecrets } from '../../src/platform/secrets.ts';
import { createSettings } from '../../src/settings/settings.ts';
import { createTemplates, type Templates } from '../../src/sign-in/mailing/templates.ts';
import { eachDatabase } from '../support/databases.ts';
import { good } from '../support/templates.ts';

const secrets = createSecrets(['a master secret of thirty-two bytes']);
const origin = new URL('https://id.example.com');

const refusal = (code: ProblemCode, words: RegExp) => (failure: unknown) =>
  failure instanceof Problem && failure.code === code && words.test(failure.detail);

eachDatabase('templates', (store) => {
  let database: Database;
  let templates: Templates;
  /** Another process on the same database. */
  let others: Templates;
  let clients: Clients;
  let now = Date.UTC(2030, 0, 1);
  const clock: Clock = { now: () => now };
  let kind: MailKind = 'sign_in_both';
  const name = (rest = {}) => ({ kind, locale: 'en', ...rest });

  before(async () => {
    database = await store.open();
    const settings = createSettings(database, clock);
    templates = createTemplates({ database, clock, settings, origin });
    others = createTemplates({ database: await store.open(), clock, settings, origin });
    clients = createClients({ database, clock, secrets, production: true });
  });
  const kinds: MailKind[] = ['sign_in_both', 'sign_up_both'];
  beforeEach(async () => {
    await database.write((q) => q.deleteFrom('templates').execute());
    templates.book.forget();
    others.book.forget();
    kind = kinds[0] ?? 'test';
  });

  const found = (
    of: Templates,
    wanted: { locales: string[]; clientId?: `skc_${string}`; kinds?: MailKind[] },
  ) =>
    database
      .read((q) => of.book.find(q, { clientId: undefined, kinds: [kind], ...wanted }))
      .then((one) => one && [one.version.locale, one.version.clientId, one.version.version]);
  const newest = async () => (await database.read((q) => recentEvents(q, 1)))[0];

  it('are saved in versions, of which mails use the newest, each with its event', async () => {
    assert.deepEqual(await templates.save(name(), good), { version: 1, findings: [] });
    now += 1;
    assert.equal((await templates.save(name(), { subject: 'Your code: {{ code }}' })).version, 2);
    const event = await newest();
    assert.equal(event?.type, 'template.saved');
    assert.deepEqual(JSON.parse(event?.data ?? ''), { kind, locale: 'en', client: '', version: 2 });
    assert.deepEqual((await templates.show(name())).parts, { ...good, subject: 'Your code: {{ code }}' });
    const versions = await templates.versions(name());
    assert.deepEqual(
      versions.map(({ version, active }) => [version, active]),
      [
        [2, true],
        [1, false],
      ],
    );
    assert.deepEqual(
      (await templates.list()).map((one) => [one.kind, one.locale, one.clientId, one.version]),
      [[kind, 'en', undefined, 2]],
    );
  });

  it('can be compared, gone back to, and removed without being lost', async () => {
    await templates.save(name(), good);
    await templates.save(name(), { text: `${good.text}\nBye\n` });
    const [diff, ...rest] = await templates.diff(name());
    assert.deepEqual([diff?.part, rest.length], ['text', 0]);
    assert.deepEqual(
      diff?.lines.filter(({ mark }) => mark !== ' '),
      [
        { mark: '+', text: '' },
        { mark: '+', text: 'Bye' },
      ],
    );
    assert.deepEqual(await templates.diff(name(), 1, 1), []);
    await templates.revert(name(), 1);
    assert.equal((await newest())?.type, 'template.reverted');
    assert.equal((await templates.show(name())).parts.text, good.text);
    await templates.remove(name());
    assert.equal((await newest())?.type, 'template.removed');
    assert.deepEqual(await templates.list(), []);
    await assert.rejects(templates.show(name()), refusal('template_not_found', /kept: 2, 1/));
    await templates.revert(name(), 2);
    assert.equal((await templates.show(name())).version, 2);
  });

  it('are refused with what is wrong with them, and nothing is written', async () => {
    await assert.rejects(
      templates.save(name(), { ...good, subject: '{{ cod }}' }),
      refusal('template_invalid', /^subject 1:4: there is no variable cod; did you mean code\?\.$/),
    );
    await assert.rejects(
      templates.save(name({ kind: 'sign_in_bth' }), good),
      refusal('template_invalid', /Did you mean sign_in_both\?/),
    );
    await assert.rejects(
      templates.save(name({ locale: 'tlh' }), good),
      refusal('template_invalid', /no language tlh/),
    );
    await assert.rejects(
      templates.save(name({ client: 'skc_1' }), good),
      refusal('client_not_found', /skc_1/),
    );
    await assert.rejects(templates.revert(name(), 9), refusal('template_not_found', /no version 9/));
    await assert.rejects(templates.remove(name()), refusal('template_not_found', /None was ever saved/));
    assert.deepEqual(await templates.versions(name()), []);
  });

  it('are found by language, then for the client, then for the deployment, and for the first kind that has one', async () => {
    const { client } = await clients.create({
      name: 'Shop',
      redirectUris: ['https://shop.example.com/callback'],
    });
    const clientId = client.id;
    assert.equal(await found(templates, { locales: ['fr', 'en'], clientId }), undefined);
    await templates.save(name(), good);
    assert.deepEqual(await found(templates, { locales: ['fr', 'en'], clientId }), ['en', undefined, 1]);
    await templates.save(name({ client: clientId }), good);
    assert.deepEqual(await found(templates, { locales: ['fr', 'en'], clientId }), ['en', clientId, 1]);
    assert.deepEqual(await found(templates, { locales: ['fr', 'en'] }), ['en', undefined, 1]);
    await templates.save(name({ locale: 'fr-CA' }), good);
    assert.deepEqual(await found(templates, { locales: ['fr', 'en'], clientId }), ['fr', undefined, 1]);
    assert.equal(await found(templates, { locales: ['de'], clientId }), undefined);
    await templates.save(name({ kind: 'sign_up_both' }), good);
    const [wanted] = await database.read(async (q) => [
      await templates.book.find(q, { kinds: ['sign_up_both', 'sign_in_both'], locales: ['en'], clientId }),
    ]);
    assert.equal(wanted?.version.kind, 'sign_up_both');
    await clients.remove(clientId);
    templates.book.forget();
    assert.deepEqual(await found(templates, { locales: ['en'], clientId }), ['en', undefined, 1]);
  });

  it('are seen by another process within a second', async () => {
    assert.equal(await found(others, { locales: ['en'] }), undefined);
    await templates.save(name(), good);
    assert.deepEqual(await found(templates, { locales: ['en'] }), ['en', undefined, 1]);
    now += 1000;
    assert.deepEqual(await found(others, { locales: ['en'] }), ['en', undefined, 1]);
  });

  it('get a version each when many are saved at once, and one is in use', async () => {
    const saved = await Promise.all(
      Array.from({ length: 10 }, (_, at) =>
        (at % 2 ? templates : others).save(name(), { ...good, subject: `${at} {{ code }}` }),
      ),
    );
    assert.deepEqual(
      saved.map(({ version }) => version).toSorted((a, b) => a - b),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    );
    const versions = await templates.versions(name());
    assert.equal(versions.length, 10);
    assert.deepEqual(
      versions.filter(({ active }) => active).map(({ version }) => version),
      [10],
    );
  });

  it('keep their last fifty versions', async () => {
    for (let at = 1; at <= 53; at += 1)
      await templates.save(name(), { ...good, subject: `${at} {{ code }}` });
    const versions = (await templates.versions(name())).map(({ version }) => version);
    assert.deepEqual([versions.length, versions[0], versions.at(-1)], [50, 53, 4]);
  });

  it('that this release cannot read are found as such', async () => {
    await templates.save(name(), good);
    const parts = JSON.stringify({ ...good, html: '{% later %}' });
    await database.write((q) => q.updateTable('templates').set({ parts }).execute());
    templates.book.forget();
    const one = await database.read((q) =>
      others.book.find(q, { kinds: [kind], locales: ['en'], clientId: undefined }),
    );
    assert.equal(one?.template, undefined);
    assert.equal(one?.version.version, 1);
  });
});
