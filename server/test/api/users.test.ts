import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Api, apiOf, codeOf, fieldsOf } from '../support/api/caller.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

describe('users over the API', () => {
  let server: TestServer;
  let api: Api;
  let made = 0;

  before(async () => {
    server = await startTestServer();
    api = await apiOf(server);
  });
  after(() => server.stop());

  const create = (user: object, more = '') => api('POST', `/api/v1/organizations/org_1/users${more}`, user);

  async function madeUser(user: object = {}): Promise<{ id: string; email: string }> {
    made += 1;
    const answer = await create({ email: `user-${made}@example.com`, ...user });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return answer.body.user;
  }

  it('a user is written down before the first sign-in, with a profile', async () => {
    const answer = await create(
      {
        email: 'Ada@Example.com',
        external_id: 'crm-1815',
        membership: { roles: [{ name: 'admin' }] },
        user_profile: {
          given_name: 'Ada',
          family_name: 'Lovelace',
          name: 'Ada, Countess of Lovelace',
          locale: 'en-GB',
          phone_number: '+441632960961',
          preferred_username: 'ada',
          picture: 'https://example.com/ada.png',
          gender: 'female',
          groups: ['analysts', 'analysts'],
          custom_attributes: { engine: 'analytical' },
          metadata: { note: 'first' },
        },
        metadata: { plan: 'gold' },
      },
      '?send_invitation_email=true',
    );
    const { user } = answer.body;
    assert.match(user.id, /^usr_\d{19}$/);
    assert.equal(user.email, 'ada@example.com');
    assert.equal(user.external_id, 'crm-1815');
    assert.deepEqual(user.memberships, []);
    assert.deepEqual(user.metadata, { plan: 'gold' });
    assert.equal(user.last_login_time ?? null, null);
    const { user_profile: profile } = user;
    assert.match(profile.id, /^usp_\d{19}$/);
    assert.equal(profile.email_verified, false);
    assert.equal(profile.first_name, 'Ada');
    assert.equal(profile.last_name, 'Lovelace');
    assert.deepEqual(profile.groups, ['analysts']);
    assert.deepEqual(profile.custom_attributes, { engine: 'analytical' });
    assert.deepEqual((await api('GET', `/api/v1/users/${user.id}`)).body, { user });
    assert.deepEqual((await api('GET', '/api/v1/users:external/crm-1815')).body, { user });
  });

  it('the names of old are taken for the new ones', async () => {
    const { id } = await madeUser({ user_profile: { first_name: 'Grace', last_name: 'Hopper' } });
    const known = (await api('GET', `/api/v1/users/${id}`)).body.user.user_profile;
    assert.deepEqual([known.given_name, known.family_name], ['Grace', 'Hopper']);
    const changed = await api('PATCH', `/api/v1/users/${id}`, { user_profile: { last_name: 'Murray' } });
    assert.deepEqual(
      [changed.body.user.user_profile.given_name, changed.body.user.user_profile.family_name],
      ['Grace', 'Murray'],
    );
  });

  it('an address or an external id is had once', async () => {
    const { email } = await madeUser({ external_id: 'once' });
    for (const again of [
      { email: email.toUpperCase() },
      { email: 'other-once@example.com', external_id: 'once' },
    ]) {
      const answer = await create(again);
      assert.deepEqual([answer.status, answer.body.code, codeOf(answer)], [409, 6, 'USER_EXISTS']);
    }
    const other = await madeUser();
    const taken = await api('PATCH', `/api/v1/users/${other.id}`, { external_id: 'once' });
    assert.deepEqual([taken.status, codeOf(taken)], [409, 'USER_EXISTS']);
    assert.equal((await api('PATCH', `/api/v1/users:external/once`, { external_id: 'once' })).status, 200);
  });

  it('a change touches only what was sent, merges maps, and takes away what is empty', async () => {
    const { id } = await madeUser({
      external_id: 'merge',
      user_profile: { given_name: 'Alan', family_name: 'Turing' },
      metadata: { plan: 'gold', seat: 'twelve' },
    });
    const changed = await api('PATCH', `/api/v1/users/${id}`, {
      user_profile: { family_name: '' },
      metadata: { plan: '', desk: 'four' },
    });
    const { user } = changed.body;
    assert.deepEqual(user.metadata, { seat: 'twelve', desk: 'four' });
    assert.equal(user.user_profile.given_name, 'Alan');
    assert.equal(user.user_profile.family_name, '');
    assert.equal(user.external_id, 'merge');
    const without = await api('PATCH', '/api/v1/users:external/merge', { external_id: '' });
    assert.equal(without.body.user.external_id ?? null, null);
    assert.equal((await api('GET', '/api/v1/users:external/merge')).status, 404);
  });

  it('the address cannot be changed', async () => {
    const { id, email } = await madeUser();
    await api('PATCH', `/api/v1/users/${id}`, { email: 'thief@example.com' });
    assert.equal((await api('GET', `/api/v1/users/${id}`)).body.user.email, email);
  });

  it('every field that cannot be used is named', async () => {
    const answer = await create({
      email: 'no address',
      external_id: 'x'.repeat(201),
      user_profile: {
        given_name: 'two\nlines',
        name: 'turned\u202e',
        locale: 'en GB',
        phone_number: 'call me',
        picture: 'javascript:alert(1)',
        groups: [' '],
        metadata: { a: 'short key' },
      },
      metadata: { empty: '' },
    });
    assert.deepEqual([answer.status, answer.body.code, codeOf(answer)], [400, 3, 'VALIDATION_FAILED']);
    assert.deepEqual(fieldsOf(answer).toSorted(), [
      'user.email',
      'user.external_id',
      'user.metadata["empty"]',
      'user.user_profile.given_name',
      'user.user_profile.groups',
      'user.user_profile.locale',
      'user.user_profile.metadata["a"]',
      'user.user_profile.name',
      'user.user_profile.phone_number',
      'user.user_profile.picture',
    ]);
  });

  it('an address that looks like another one is refused, or is another one', async () => {
    await madeUser({ email: 'pay@example.com' });
    for (const email of [
      'p\u0430y@example.com',
      'pay@ex\uff41mple.com',
      'pay@example.com\u200b',
      'pay@example.com,x@y.zz',
    ])
      assert.deepEqual(fieldsOf(await create({ email })), ['user.email'], email);
    const cyrillic = await create({ email: 'pay@ex\u0430mple.com' });
    assert.equal(cyrillic.body.user.email, 'pay@xn--exmple-4nf.com');
  });

  it('a map of many pairs is refused, also when it grows by and by', async () => {
    const pairs = (count: number, name = 'key') =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`${name}${at}`, 'value']));
    const { id } = await madeUser({ metadata: pairs(20) });
    assert.deepEqual(fieldsOf(await create({ email: 'huge@example.com', metadata: pairs(5000) })), [
      'user.metadata',
    ]);
    const grown = await api('PATCH', `/api/v1/users/${id}`, { metadata: { another: 'pair' } });
    assert.deepEqual(fieldsOf(grown), ['user.metadata']);
    assert.equal(
      (await api('PATCH', `/api/v1/users/${id}`, { metadata: { key0: '', another: 'pair' } })).status,
      200,
    );
  });

  it('names that objects are born with are names like any other, or refused', async () => {
    const { id } = await madeUser({ metadata: { constructor: 'kept', toString: 'kept' } });
    const { metadata } = (await api('GET', `/api/v1/users/${id}`)).body.user;
    assert.deepEqual(Object.entries(metadata).toSorted(), [
      ['constructor', 'kept'],
      ['toString', 'kept'],
    ]);
    const raw = '{"email":"proto@example.com","metadata":{"__proto__":"polluted"}}';
    await api('POST', '/api/v1/organizations/org_1/users', raw);
    assert.equal(Reflect.get({}, 'polluted'), undefined);
    assert.equal(typeof Object.prototype, 'object');
    assert.equal((await api('GET', '/api/v1/users')).status, 200);
  });

  it('a deleted user is gone, by either name', async () => {
    const { id } = await madeUser({ external_id: 'leaving' });
    assert.deepEqual((await api('DELETE', '/api/v1/users:external/leaving')).body, {});
    for (const path of [`/api/v1/users/${id}`, '/api/v1/users:external/leaving']) {
      const answer = await api('GET', path);
      assert.deepEqual([answer.status, answer.body.code, codeOf(answer)], [404, 5, 'USER_NOT_FOUND']);
      assert.equal((await api('DELETE', path)).status, 404);
      assert.equal((await api('PATCH', path, {})).status, 404);
    }
  });

  it('a list is walked to its end and back', async () => {
    for (let count = 0; count < 5; count += 1) await madeUser();
    const first = (await api('GET', '/api/v1/users')).body;
    assert.equal(first.users.length, Math.min(10, first.total_size));
    assert.equal(first.prev_page_token, '');
    const seen: string[] = [];
    let token = '';
    let last = first;
    do {
      last = (await api('GET', `/api/v1/users?page_size=4&page_token=${encodeURIComponent(token)}`)).body;
      seen.push(...last.users.map(({ id }: { id: string }) => id));
      token = last.next_page_token;
    } while (token !== '');
    assert.equal(seen.length, first.total_size);
    assert.deepEqual(seen, seen.toSorted().toReversed());
    const back = await api(
      'GET',
      `/api/v1/users?page_size=4&page_token=${encodeURIComponent(last.prev_page_token)}`,
    );
    const before = seen.slice(0, seen.length - last.users.length).slice(-4);
    assert.deepEqual(
      back.body.users.map(({ id }: { id: string }) => id),
      before,
    );
    assert.equal(
      (await api('GET', '/api/v1/users?page_size=4000')).body.users.length,
      Math.min(30, seen.length),
    );
  });

  it('a forged or foreign page token is refused', async () => {
    const tokens = ['x', '>:', '>:!!!!', `>:${Buffer.from("usr_1' or 1=1").toString('base64url')}`];
    tokens.push(`>:${Buffer.from('skc_1').toString('base64url')}`, `>:${'A'.repeat(5000)}`);
    for (const token of tokens) {
      const answer = await api('GET', `/api/v1/users?page_token=${encodeURIComponent(token)}`);
      assert.deepEqual([answer.status, codeOf(answer)], [400, 'PAGE_TOKEN_INVALID'], token.slice(0, 40));
    }
  });

  it('a search looks in address, name and external id, for the text itself', async () => {
    const { id } = await madeUser({
      email: 'search_me+100%@example.com'.replace('%', ''),
      external_id: 'Kunde%42_a\\b',
      user_profile: { given_name: 'Žofie', family_name: 'Nováková' },
    });
    const found = async (query: string) => {
      const { body } = await api(
        'GET',
        `/api/v1/users:search?query=${encodeURIComponent(query)}&page_size=30`,
      );
      return body.users.map((user: { id: string }) => user.id);
    };
    for (const query of ['SEARCH_ME', 'žOFIE nov', 'kunde%42', '42_a\\b', '  search_me  '])
      assert.deepEqual(await found(query), [id], query);
    for (const query of ['%%%', '___', 'search%me', 'sear__me', "' or '1'='1", '\\\\\\'])
      assert.deepEqual(await found(query), [], query);
    assert.ok((await found('example.com')).length > 5);
    for (const query of ['ab', '', 'x'.repeat(101), 'a\u0000b c', 'a\nb c']) {
      const answer = await api('GET', `/api/v1/users:search?query=${encodeURIComponent(query)}`);
      assert.deepEqual(fieldsOf(answer), ['query'], JSON.stringify(query));
    }
  });

  it('what nobody is called is found nowhere', async () => {
    for (const id of ['usr_1', 'usr_', 'x'.repeat(300), 'usr_1%00', "usr_1'--", '__proto__'])
      assert.equal((await api('GET', `/api/v1/users/${id}`)).status, 404, id);
    assert.equal((await api('GET', '/api/v1/users:external/%00')).status, 404);
  });
});
