import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Problem } from '../../src/core/problems.ts';
import { DAY, HOUR, MINUTE, SECOND } from '../../src/core/units.ts';
import { recentEvents } from '../../src/events/store.ts';
import type { Queries } from '../../src/platform/database/schema.ts';
import { initialSettings, settingDefinitions } from '../../src/settings/definitions.ts';
import { checked, createSettings } from '../../src/settings/settings.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { eachDatabase } from '../support/databases.ts';

const inSeconds = (milliseconds: number) => milliseconds / SECOND;

/** What the contract promises an owner who decides nothing. */
const promised = {
  'passwordless.enabled': true,
  'passwordless.method': 'link_otp',
  'passwordless.validity_seconds': inSeconds(10 * MINUTE),
  'passwordless.code_length': 6,
  'passwordless.code_alphabet': 'numeric',
  'passwordless.enforce_same_browser': false,
  'passwordless.remote_approval': false,
  'passwordless.regenerate_on_resend': false,
  'passwordless.login_hint_sends': true,
  'limits.guesses_per_attempt': 5,
  'limits.failures_per_address': 30,
  'limits.guess_odds': 10_000,
  'limits.mails_per_address_minute': 2,
  'limits.mails_per_address_day': 15,
  'limits.resend_after_seconds': 30,
  'limits.starts_per_source_hour': 120,
  'limits.failures_per_source_hour': 60,
  'limits.mails_per_deployment_hour': 20_000,
  'limits.puzzles': true,
  'email.check_domain': true,
  'sign_up.policy': 'open',
  'sign_up.allowed_domains': [],
  'sign_up.blocked_domains': [],
  'session.absolute_seconds': inSeconds(30 * DAY),
  'session.back_channel_private': false,
  'session.idle_seconds': inSeconds(7 * DAY),
  'tokens.code_seconds': inSeconds(MINUTE),
  'tokens.access_seconds': inSeconds(15 * MINUTE),
  'tokens.id_seconds': inSeconds(HOUR),
  'tokens.refresh_idle_seconds': inSeconds(30 * DAY),
  'tokens.refresh_absolute_seconds': inSeconds(90 * DAY),
  'tokens.client_credentials_seconds': inSeconds(DAY),
  'branding.language': 'en',
  'branding.colour': '',
  'branding.colour_dark': '',
  'branding.logo': '',
  'branding.logo_dark': '',
  'branding.name': 'Postern',
};

/** The first value inside and outside of what each setting takes. */
const bounds: Record<string, { taken: unknown[]; refused: unknown[] }> = {
  'passwordless.enabled': { taken: [true, false], refused: ['off', 0, null] },
  'passwordless.method': { taken: ['otp', 'link', 'link_otp'], refused: ['sms', '', null, ['otp']] },
  'passwordless.validity_seconds': { taken: [60, 3600], refused: [59, 3601, 60.5, '600', null] },
  'passwordless.code_length': { taken: [6, 10], refused: [5, 11, '6', Number.NaN] },
  'passwordless.code_alphabet': { taken: ['numeric', 'alphanumeric'], refused: ['emoji'] },
  'passwordless.enforce_same_browser': { taken: [true, false], refused: ['true', 1, null] },
  'limits.guesses_per_attempt': { taken: [3, 10], refused: [2, 11, Number.POSITIVE_INFINITY] },
  'limits.failures_per_address': { taken: [5, 100], refused: [4, 101] },
  'limits.guess_odds': { taken: [1000, 1_000_000_000], refused: [999, 1_000_000_001, '10000'] },
  'limits.mails_per_deployment_hour': { taken: [100, 10_000_000], refused: [99, 10_000_001, 0] },
  'sign_up.policy': { taken: ['open', 'closed'], refused: ['ajar'] },
  'sign_up.allowed_domains': {
    taken: [[], ['example.com', '*.example.com']],
    refused: ['example.com', [''], [1]],
  },
  'branding.colour': { taken: ['', '#7a1f5c', '#949494'], refused: ['red', '#ffe600', '#fff', 7, null] },
  'branding.colour_dark': { taken: ['', '#ffe600'], refused: ['#0d1211', '#000', 'red;}'] },
  'branding.logo': { taken: [''], refused: ['logo.png', '../../etc/passwd', null] },
  'branding.name': { taken: ['A', 'é'.repeat(60)], refused: ['', 'x'.repeat(61), 7] },
};

function refusal(name: string, value: unknown): Problem {
  try {
    checked(name, value);
  } catch (thrown) {
    if (thrown instanceof Problem) return thrown;
    throw thrown;
  }
  return assert.fail(`${name} took ${JSON.stringify(value)}`);
}

describe('a setting', () => {
  it('has the default that the contract promises', () => {
    assert.deepEqual(initialSettings(), promised);
  });

  it('has a default that it takes itself, and a meaning in one line', () => {
    for (const [name, { initial, meaning }] of Object.entries(settingDefinitions)) {
      assert.deepEqual(checked(name, initial), { name, value: initial });
      assert.match(meaning, /^[A-Z][^\n]{5,90}[^.]$/);
    }
  });

  for (const [name, { taken, refused }] of Object.entries(bounds)) {
    it(`${name} takes what the contract allows and nothing else`, () => {
      for (const value of taken) assert.deepEqual(checked(name, value), { name, value });
      for (const value of refused) {
        const { code, detail } = refusal(name, value);
        assert.equal(code, 'setting_invalid');
        assert.ok(detail.startsWith(`${name} cannot be `), detail);
      }
    });
  }

  it('with a mistyped name is refused with the one that was meant', () => {
    const meant = {
      'passwordles.method': 'passwordless.method',
      'passwordless.code-length': 'passwordless.code_length',
      code_length: 'passwordless.code_length',
      'limits.mails_per_adress_day': 'limits.mails_per_address_day',
      'Branding.Name': 'branding.name',
    };
    for (const [name, known] of Object.entries(meant)) {
      const { code, detail } = refusal(name, 1);
      assert.equal(code, 'setting_unknown');
      assert.ok(detail.includes(`Did you mean ${known}?`), detail);
    }
  });

  it('with a name like nothing else is refused without a guess', () => {
    for (const name of ['x', '__proto__', 'toString', '🦊🦊🦊🦊🦊🦊🦊🦊'])
      assert.doesNotMatch(refusal(name, 1).detail, /Did you mean/);
  });
});

eachDatabase('the settings', (given) => {
  let clock: FakeClock;
  before(() => {
    clock = createFakeClock();
  });
  after(() => clock.release());

  it('are kept, with an event, and seen at once by the process that changed them', async () => {
    const database = await given.open();
    const settings = createSettings(database, clock);
    await settings.set('branding.name', 'Example');
    assert.equal(settings.snapshot()['branding.name'], 'Example');
    assert.equal((await settings.current())['branding.name'], 'Example');
    const [event] = await database.read((q) => recentEvents(q, 1));
    assert.equal(event?.type, 'setting.changed');
    assert.equal(event?.at, clock.now());
    assert.deepEqual(JSON.parse(event?.data ?? ''), { name: 'branding.name' });
  });

  it('are seen by another process a second later at the latest', async () => {
    const here = createSettings(await given.open(), clock);
    const there = createSettings(await given.open(), clock);
    const seen = async () => (await there.current())['passwordless.code_length'];
    assert.equal(await seen(), 6);
    await here.set('passwordless.code_length', 8);
    clock.advance(999);
    assert.equal(await seen(), 6, 'not asked for again within the second');
    clock.advance(1);
    assert.equal(await seen(), 8);
  });

  it('are read again when the clock steps back', async () => {
    const here = createSettings(await given.open(), clock);
    const there = createSettings(await given.open(), clock);
    await there.current();
    await here.set('passwordless.code_length', 9);
    clock.advance(-HOUR);
    assert.equal((await there.current())['passwordless.code_length'], 9);
  });

  it('are not changed by what is refused', async () => {
    const settings = createSettings(await given.open(), clock);
    const before = await settings.current();
    await assert.rejects(settings.set('limits.guesses_per_attempt', 1000), { code: 'setting_invalid' });
    await assert.rejects(settings.set('limits.gueses_per_attempt', 5), { code: 'setting_unknown' });
    clock.advance(SECOND);
    assert.deepEqual(await settings.current(), before);
  });

  it('are changed several at once, or none of them', async () => {
    const settings = createSettings(await given.open(), clock);
    await settings.setAll({ 'passwordless.code_length': 8, 'passwordless.validity_seconds': 120 });
    const { 'passwordless.code_length': length, 'passwordless.validity_seconds': validity } =
      await settings.current();
    assert.deepEqual([length, validity], [8, 120]);
    const half = settings.setAll({ 'passwordless.code_length': 6, 'passwordless.validity_seconds': 1 });
    await assert.rejects(half, { code: 'setting_invalid' });
    const gone = settings.setAll({
      'passwordless.code_length': 6,
      'branding.logo': `${'a'.repeat(32)}-10x10.png`,
    });
    await assert.rejects(gone, { code: 'setting_invalid' });
    clock.advance(SECOND);
    assert.equal((await settings.current())['passwordless.code_length'], 8);
    await settings.setAll({ 'passwordless.code_length': 6, 'passwordless.validity_seconds': 600 });
  });

  it('fall back to the default where another release left a name or a value that this one does not take', async () => {
    const database = await given.open();
    const strangers = [
      { name: 'passwordless.telepathy', value: 'true', updated_at: 0 },
      { name: 'limits.guesses_per_attempt', value: '1000', updated_at: 0 },
    ];
    await database.write((q: Queries) => q.insertInto('settings').values(strangers).execute());
    const values = await createSettings(database, clock).current();
    assert.equal(values['limits.guesses_per_attempt'], 5);
    assert.deepEqual(Object.keys(values).toSorted(), Object.keys(promised).toSorted());
  });

  it('give their defaults, until they are first read, to a place that cannot wait', async () => {
    const settings = createSettings(await given.open(), clock);
    assert.deepEqual(settings.snapshot(), promised);
  });
});
