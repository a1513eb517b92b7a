import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ScalekitClient } from '@scalekit-sdk/node';
import { type Api, apiOf, codeOf, fieldsOf } from '../support/api/caller.ts';
import { codeIn, createMailbox, type Mailbox } from '../support/mailbox.ts';
import { claimsOf, type Person, signedIn } from '../support/oauth-requests.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

let mailbox: Mailbox;
let server: TestServer;
let api: Api;
let person: Person;
before(async () => {
  mailbox = createMailbox();
  server = await startTestServer({ transport: mailbox.transport });
  api = await apiOf(server);
  person = await signedIn({ server, mailbox, email: 'ada@example.com' });
  await person.browser.submit(await person.browser.open('/oidc/logout'), '/oidc/logout/confirm');
});
after(() => server.stop());

interface Shown {
  readonly id: string;
  readonly type: string;
  readonly data: Record<string, unknown>;
}

async function list(filter: object, query = '') {
  const { status, body } = await api('POST', `/api/v1/events/paginated?${query}`, filter);
  assert.equal(status, 200, JSON.stringify(body));
  const events: Shown[] = body.events;
  return {
    events,
    types: events.map(({ type }) => type),
    next: body.next_page_token,
    prev: body.prev_page_token,
  };
}

describe('events over the API', () => {
  it('are told newest first, with whom and what they are about', async () => {
    const { events } = await list({ event_types: ['session.started', 'session.ended', 'user.created'] });
    const { sub, sid } = claimsOf(person.idToken);
    assert.deepEqual(
      events.map(({ type, data }) => ({ type, data })),
      [
        { type: 'session.ended', data: { as: 'logout', user_id: sub, session_id: sid } },
        { type: 'session.started', data: { user_id: sub, session_id: sid, client_id: server.app.id } },
        { type: 'user.created', data: { user_id: sub } },
      ],
    );
    const { id, occurred_at: at, data: _data, ...rest } = { occurred_at: '', ...events[0] };
    assert.match(String(id), /^evt_\d{19}$/);
    assert.ok(Date.parse(at) > 0);
    assert.deepEqual(rest, {
      ...rest,
      type: 'session.ended',
      spec_version: '1',
      environment_id: 'env_1',
      object: 'Session',
      display_name: 'Session Ended',
    });
  });

  it('answer to the names that the vendor’s webhooks have, under those names', async () => {
    const familiar = ['user.login', 'user.logout', 'user.signup'];
    const { events, types } = await list({ event_types: familiar });
    assert.deepEqual(types, ['user.logout', 'user.login', 'user.signup']);
    assert.deepEqual(
      events.map((event) => ({ display: '', object: '', ...event })).map(({ object }) => object),
      ['UserLogoutEvent', 'UserLoginEvent', 'OrgMembership'],
    );
    const both = await list({ event_types: ['user.login', 'session.started'] });
    assert.deepEqual(both.types, ['session.started']);
    assert.deepEqual((await list({ event_types: ['user.moved'] })).types, []);
  });

  it('are found by sign-in and by time', async () => {
    const attempt = (await list({ event_types: ['attempt.started'] })).events[0];
    const story = await list({ auth_request_id: String(attempt?.data.auth_request_id) });
    assert.deepEqual(story.types.toReversed().slice(0, 1), ['attempt.started']);
    assert.ok(story.types.includes('attempt.redeemed'));
    assert.ok(!story.types.includes('session.started'));
    assert.deepEqual((await list({ auth_request_id: 'x'.repeat(300) })).types, []);
    assert.deepEqual((await list({ start_time: '2100-01-01T00:00:00Z' })).types, []);
    assert.deepEqual((await list({ end_time: '2000-01-01T00:00:00Z' })).types, []);
  });

  it('of what there is not here are none', async () => {
    for (const filter of [
      { organization_id: 'org_1' },
      { connection_id: 'conn_2' },
      { connected_account_id: 'ca_1' },
      { source: 'DIR_SYNC' },
      { interceptor_id: "%' or 1=1 --" },
      { interceptor_id: 'icp_1' },
    ])
      assert.deepEqual((await list(filter)).types, [], JSON.stringify(filter));
    assert.ok((await list({ connection_id: 'conn_1', source: 'SCALEKIT' })).types.length > 0);
  });

  it('come in pages that lose and repeat none while more is written', async () => {
    const all = (await list({}, 'page_size=100')).events.map(({ id }) => id);
    const first = await list({}, 'page_size=3');
    await server.rooms.settings.set('session.idle_seconds', 604_799);
    const second = await list({}, `page_size=3&page_token=${first.next}`);
    assert.deepEqual(
      [...first.events, ...second.events].map(({ id }) => id),
      all.slice(0, 6),
    );
    const back = await list({}, `page_size=3&page_token=${second.prev}`);
    assert.deepEqual(
      back.events.map(({ id }) => id),
      all.slice(0, 3),
    );
    const { body } = await api('POST', '/api/v1/events?page_size=1', {});
    assert.deepEqual([body.events.length, body.total_size], [1, all.length + 1]);
  });

  it('refuse a page token that is none, and a filter without end', async () => {
    const bad = await api('POST', '/api/v1/events/paginated?page_token=x', {});
    assert.deepEqual([bad.status, codeOf(bad)], [400, 'PAGE_TOKEN_INVALID']);
    const long = await api('POST', '/api/v1/events/paginated', { event_types: Array(101).fill('a') });
    assert.deepEqual([long.status, fieldsOf(long)], [400, ['event_types']]);
  });

  it('hold no code, link, token or address', async () => {
    const { events } = await list({}, 'page_size=100');
    const text = JSON.stringify(events);
    const [mail] = mailbox.to('ada@example.com');
    assert.ok(mail);
    const code = codeIn(mail);
    assert.match(code, /^\d{6}$/);
    for (const secret of [person.accessToken, person.idToken, 'ada@example.com'])
      assert.ok(!text.includes(secret));
    assert.ok(!events.some(({ data }) => Object.values(data).includes(code)));
    assert.doesNotMatch(text, /\/l\//);
  });

  it('are read by the published SDK', async () => {
    const scalekit = new ScalekitClient(server.url, server.app.id, server.app.secret);
    const { events } = await scalekit.events.listEventsPaginated(5, '', { eventTypes: ['user.login'] });
    assert.deepEqual(
      events.map(({ type, specVersion }) => [type, specVersion]),
      [['user.login', '1']],
    );
    assert.equal(events[0]?.data?.session_id, claimsOf(person.idToken).sid);
  });
});
