import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { exchange, refresh, tokensOf, userinfo } from '../../support/oauth-requests.ts';
import { ask, enter, isSignedIn, someone } from '../../support/sign-in-steps.ts';
import { asApp, callApi, KINDS, openScene } from './kinds.ts';
import { SINKS } from './sinks.ts';

const scene = await openScene();
after(() => scene.server.stop());

describe('Of everything that the server gives out', () => {
  it('there is one of each kind, and no two are the same', () => {
    const { values } = scene;
    for (const kind of KINDS) assert.ok(values[kind].length >= 20, `${kind}: ${values[kind]}`);
    assert.equal(new Set(Object.values(values)).size, KINDS.length);
    assert.ok(KINDS.length * SINKS.length > 600);
  });

  for (const { name, takes, use } of SINKS)
    it(`nothing is taken as ${name}, but what is meant to be`, async () => {
      for (const kind of KINDS.filter((one) => !takes.includes(one)))
        assert.equal(await use(scene, scene.values[kind]), false, kind);
    });

  it('nothing but a token ends a token at revocation', async () => {
    const asked = await ask(scene, someone(), { params: { scope: 'openid offline_access' } });
    const landing = await enter(asked, asked.code);
    const tokens = tokensOf(await exchange(scene.server, landing.away ?? assert.fail()));
    for (const kind of KINDS)
      if (!/^(?:access|refresh)/.test(kind)) await asApp(scene, '/revoke', { token: scene.values[kind] });
    await asApp(scene, '/revoke', { token: tokens.idToken });
    assert.equal((await userinfo(scene.server, tokens.accessToken)).status, 200);
    assert.equal((await refresh(scene.server, tokens.refreshToken)).status, 200);
  });

  for (const { name, takes, use } of SINKS)
    for (const kind of takes)
      it(`after all that, ${kind} still works as ${name}`, async () => {
        assert.equal(await use(scene, scene.values[kind]), true);
      });

  it('what waits for its code on a page still gets it', async () => {
    assert.ok(isSignedIn(await enter(scene.hosted, scene.hosted.code)));
  });

  it('a token of a client ends at revocation', async () => {
    const { apiToken } = scene;
    await asApp(scene, '/revoke', { token: apiToken });
    assert.equal((await callApi(scene, apiToken, { method: 'GET', path: '/api/v1/users' })).status, 401);
  });
});
