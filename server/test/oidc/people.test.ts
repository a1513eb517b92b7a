import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { type Api, apiOf } from '../support/api/caller.ts';
import { newAddress } from '../support/app-client.ts';
import { createMailbox } from '../support/mailbox.ts';
import { claimsOf, refresh, signedIn, userinfo } from '../support/oauth-requests.ts';
import { startTestServer } from '../support/server.ts';

const mailbox = createMailbox();
const server = await startTestServer({
  transport: mailbox.transport,
  settings: { 'sign_up.policy': 'closed' },
});
const { app } = server;
const api: Api = await apiOf(server);
after(() => server.stop());

const profile = {
  given_name: 'Ada',
  family_name: 'Lovelace',
  name: 'Ada Lovelace',
  preferred_username: 'ada',
  picture: 'https://example.com/ada.png',
  locale: 'en-GB',
};

async function written(user: object = {}): Promise<{ id: string; email: string }> {
  const email = newAddress();
  const { body } = await api('POST', '/api/v1/organizations/org_1/users', { email, ...user });
  return body.user;
}

const person = ({ email }: { email: string }, scope: string) =>
  signedIn({ server, mailbox, email, params: { scope } });

describe('a person whom an app has written down', () => {
  it('signs in where sign-up is closed, and apps are told the profile', async () => {
    const user = await written({
      user_profile: { ...profile, gender: 'f', metadata: { note: 'own' } },
      metadata: { plan: 'gold' },
    });
    const { idToken, accessToken } = await person(user, 'openid email profile');
    const claims = claimsOf(idToken);
    assert.equal(claims.sub, user.id);
    for (const [name, value] of Object.entries(profile)) assert.equal(claims[name], value, name);
    for (const name of ['updated_at', 'metadata', 'gender', 'groups', 'phone_number'])
      assert.equal(claims[name], undefined, name);
    const { status, body } = await userinfo(server, accessToken);
    assert.equal(status, 200);
    assert.deepEqual(body, { sub: user.id, email: user.email, email_verified: true, ...profile });
    const { user: after } = (await api('GET', `/api/v1/users/${user.id}`)).body;
    assert.equal(after.user_profile.email_verified, true);
    assert.ok(Date.parse(after.last_login_time) > 0);
  });

  it('is nobody but an address to an app that did not ask for the profile', async () => {
    const user = await written({ user_profile: profile });
    const { idToken, accessToken } = await person(user, 'openid email');
    for (const name of Object.keys(profile)) assert.equal(claimsOf(idToken)[name], undefined, name);
    assert.deepEqual(Object.keys((await userinfo(server, accessToken)).body), [
      'sub',
      'email',
      'email_verified',
    ]);
  });

  it('has a name of its parts where nobody gave a whole one', async () => {
    const user = await written({ user_profile: { first_name: 'Grace', last_name: 'Hopper' } });
    assert.equal(claimsOf((await person(user, 'openid profile')).idToken).name, 'Grace Hopper');
  });

  it('leaves every app when deleted or disabled, with all that was issued', async () => {
    const ways: ((user: { id: string; email: string }) => Promise<unknown>)[] = [
      ({ id }) => api('DELETE', `/api/v1/users/${id}`),
      ({ email }) => server.rooms.users.disable(email),
    ];
    for (const end of ways) {
      const user = await written();
      const { accessToken, refreshToken } = await person(user, 'openid email offline_access');
      await end(user);
      assert.equal((await userinfo(server, accessToken)).status, 401);
      assert.equal((await refresh(server, refreshToken)).status, 400);
      const rows = await server.rooms.database.read((q) =>
        q
          .selectFrom('events')
          .select('type')
          .where('user_id', '=', user.id)
          .where('type', '=', 'session.ended')
          .execute(),
      );
      assert.equal(rows.length, 1);
    }
  });

  it('who was deleted cannot come back where sign-up is closed', async () => {
    const user = await written();
    await api('DELETE', `/api/v1/users/${user.id}`);
    await assert.rejects(person(user, 'openid'));
  });
});

describe('an app with a life of access tokens of its own', () => {
  it('gets tokens of that life, and others those of the setting', async () => {
    const user = await written();
    const lifeOf = async () => {
      const { accessToken } = await person(user, 'openid');
      const { iat, exp } = claimsOf(accessToken);
      return Number(exp) - Number(iat);
    };
    assert.equal(await lifeOf(), 900);
    await api('PATCH', `/api/v1/clients/${app.id}`, { access_token_expiry: 120 });
    await new Promise((resolve) => setTimeout(resolve, 1100)); // a process sees the change of a client within a second
    assert.equal(await lifeOf(), 120);
  });
});
