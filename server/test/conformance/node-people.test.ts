import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import {
  ScalekitConflictException as Conflict,
  ScalekitNotFoundException as NotFound,
  ScalekitNotImplementedException as NotImplemented,
  ObjectType,
  ScalekitServerException as ServerException,
} from '@scalekit-sdk/node';
import { newAddress } from '../support/app-client.ts';
import { createMailbox } from '../support/mailbox.ts';
import { claimsOf, signedIn } from '../support/oauth-requests.ts';
import { failureOf, newSdk, pathsDuring, startWorld } from './world.ts';

const mailbox = createMailbox();
const server = await startWorld({ transport: mailbox.transport });
const scalekit = newSdk(server);
const { user, session, events, organization } = scalekit;
after(() => server.stop());

/** Somebody who has signed in, and who they are to the app. */
async function person() {
  const email = newAddress();
  const tokens = await signedIn({ server, mailbox, email, params: { scope: 'openid email offline_access' } });
  const { sub, sid } = claimsOf(tokens.idToken);
  return { ...tokens, email, id: String(sub), sessionId: String(sid) };
}

async function isNotFound(work: Promise<unknown>): Promise<void> {
  const failure = await failureOf(work);
  assert.ok(failure instanceof NotFound, `${failure}`);
  assert.equal(failure.httpStatus, 404);
}

describe('user', () => {
  it('getUser gives who has signed in', async () => {
    const { id, email } = await person();
    const { user: found } = await user.getUser(id);
    assert.deepEqual([found?.id, found?.email, found?.userProfile?.emailVerified], [id, email, true]);
    assert.deepEqual(found?.memberships, []);
    assert.equal(typeof found?.lastLoginTime?.seconds, 'bigint');
    await isNotFound(user.getUser('usr_1'));
  });

  it('listUsers goes through everybody, each once, while more people come', async () => {
    const known = [await person(), await person(), await person()].map(({ id }) => id);
    const seen: string[] = [];
    let pageToken = '';
    do {
      const { users, nextPageToken } = await user.listUsers({ pageSize: 2, pageToken });
      seen.push(...users.map(({ id }) => id));
      pageToken = nextPageToken;
      if (seen.length === 2) await person();
    } while (pageToken !== '');
    assert.equal(new Set(seen).size, seen.length);
    for (const id of known) assert.ok(seen.includes(id));
  });

  it('searchUsers finds by a part of the address', async () => {
    const { email, id } = await person();
    const { users } = await user.searchUsers(email.slice(0, -4));
    assert.ok(users.some((found) => found.id === id));
    assert.deepEqual((await user.searchUsers('nobody-at-all')).users, []);
  });

  it('updateUser writes names and metadata, and finds by the id that the app gave', async () => {
    const { id } = await person();
    await user.updateUser(id, {
      externalId: `crm-${id}`,
      userProfile: { firstName: 'Ada', lastName: 'Lovelace' },
      metadata: { plan: 'pro' },
    });
    const { user: found } = await user.getUserByExternalId(`crm-${id}`);
    assert.equal(found?.id, id);
    assert.deepEqual([found?.userProfile?.givenName, found?.userProfile?.familyName], ['Ada', 'Lovelace']);
    assert.equal(found?.userProfile?.firstName, 'Ada');
    assert.deepEqual(found?.metadata, { plan: 'pro' });
    await user.updateUserByExternalId(`crm-${id}`, { metadata: { plan: 'free' } });
    assert.deepEqual((await user.getUser(id)).user?.metadata, { plan: 'free' });
    await user.deleteUserByExternalId(`crm-${id}`);
    await isNotFound(user.getUser(id));
  });

  it('createUserAndMembership writes somebody down who signs in later, in whatever organization', async () => {
    const email = newAddress();
    const request = { email, userProfile: { firstName: 'Grace', lastName: 'Hopper' } };
    const { user: made } = await user.createUserAndMembership('org_1', request);
    const tokens = await signedIn({ server, mailbox, email });
    assert.equal(claimsOf(tokens.idToken).sub, made?.id);
    const failure = await failureOf(user.createUserAndMembership('org_1', request));
    assert.ok(failure instanceof Conflict, `${failure}`);
  });

  it('deleteUser ends their sessions', async () => {
    const { id, refreshToken } = await person();
    await user.deleteUser(id);
    await isNotFound(user.getUser(id));
    await assert.rejects(scalekit.refreshAccessToken(refreshToken));
  });
});

describe('session', () => {
  it('B13: getUserSessions takes a status in large and small letters', async () => {
    const { id, sessionId } = await person();
    for (const status of ['ACTIVE', 'active']) {
      const { sessions, totalSize } = await session.getUserSessions(id, { filter: { status: [status] } });
      assert.deepEqual([sessions.map((one) => one.sessionId), totalSize], [[sessionId], 1]);
    }
    const { sessions } = await session.getUserSessions(id, { filter: { status: ['revoked'] } });
    assert.deepEqual(sessions, []);
  });

  it('B13: revokeSession ends it, and refreshing with it', async () => {
    const { sessionId, id, refreshToken } = await person();
    const { revokedSession } = await session.revokeSession(sessionId);
    assert.deepEqual([revokedSession?.sessionId, revokedSession?.status], [sessionId, 'revoked']);
    await assert.rejects(scalekit.refreshAccessToken(refreshToken));
    assert.equal((await session.getSession(sessionId)).status, 'revoked');
    assert.deepEqual((await session.getUserSessions(id, { filter: { status: ['active'] } })).sessions, []);
  });

  it('getSession gives device and apps', async () => {
    const { sessionId, id } = await person();
    const found = await session.getSession(sessionId);
    assert.deepEqual([found.status, found.userId, found.device?.ip], ['active', id, '127.0.0.1']);
    assert.deepEqual(
      found.authenticatedClients.map(({ clientId }) => clientId),
      [server.app.id],
    );
    await isNotFound(session.getSession('ses_1'));
  });

  it('revokeAllUserSessions ends each', async () => {
    const { id, email, refreshToken } = await person();
    await signedIn({ server, mailbox, email });
    const { totalRevoked, revokedSessions } = await session.revokeAllUserSessions(id);
    assert.deepEqual([totalRevoked, revokedSessions.length], [2, 2]);
    await assert.rejects(scalekit.refreshAccessToken(refreshToken));
  });
});

describe('events and organization', () => {
  it('listEventsPaginated gives what happened, newest first, in pages', async () => {
    const { id } = await person();
    const filter = { eventTypes: ['user.login'] };
    const first = await events.listEventsPaginated(1, '', filter);
    const [newest] = first.events;
    assert.deepEqual([newest?.type, newest?.specVersion], ['user.login', '1']);
    assert.equal(newest?.object, ObjectType.UserLoginEvent);
    assert.match(JSON.stringify(newest?.data), new RegExp(id));
    const second = await events.listEventsPaginated(1, first.nextPageToken, filter);
    assert.notEqual(second.events[0]?.id, newest?.id);
    assert.deepEqual(await events.listEventsPaginated(1, second.prevPageToken, filter), first);
  });

  it('listOrganization, the smoke test of an installation, gives an empty page', async () => {
    const { organizations, nextPageToken, totalSize } = await organization.listOrganization({ pageSize: 10 });
    assert.deepEqual([organizations, nextPageToken, totalSize], [[], '', 0]);
  });
});

describe('what this deployment does not have', () => {
  const calls: readonly [string, () => Promise<unknown>][] = [
    ['webauthn.listCredentials', () => scalekit.webauthn.listCredentials('usr_1')],
    ['organization.createOrganization', () => organization.createOrganization('Acme')],
    ['organization.getOrganization', () => organization.getOrganization('org_1')],
    ['role.listRoles', () => scalekit.role.listRoles()],
    ['permission.listPermissions', () => scalekit.permission.listPermissions()],
    ['domain.listDomains', () => scalekit.domain.listDomains('org_1')],
    ['directory.listDirectories', () => scalekit.directory.listDirectories('org_1')],
    ['user.listOrganizationUsers', () => user.listOrganizationUsers('org_1')],
  ];
  for (const [name, call] of calls)
    it(`B4: ${name} is told at once, with one call`, async () => {
      let failure: Error | undefined;
      const paths = await pathsDuring(async () => {
        failure = await failureOf(call());
      });
      assert.ok(failure instanceof NotImplemented, `${failure}`);
      assert.deepEqual([failure.httpStatus, failure.errorCode], [501, 'UNIMPLEMENTED']);
      assert.equal(paths.length, 1);
    });

  it('generateClientToken with a wrong secret says so in its body', async () => {
    const failure = await failureOf(scalekit.generateClientToken(server.app.id, 'test_wrong'));
    assert.ok(failure instanceof ServerException);
    assert.equal(failure.httpStatus, 401);
    assert.match(JSON.stringify(failure.errDetails), /invalid_client/);
  });

  it('getClientAccessToken gives the token of the client itself', async () => {
    const token = await newSdk(server).getClientAccessToken();
    assert.equal(claimsOf(token).client_id, server.app.id);
  });
});
