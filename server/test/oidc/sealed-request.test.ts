import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { openRequest, sealRequest } from '../../src/oidc/resuming/sealed-request.ts';
import { createSecrets } from '../../src/platform/secrets.ts';
import { SECRET } from '../support/server.ts';

const DAY = 86_400_000;
const AT = Date.UTC(2030, 0, 1);

const secrets = createSecrets([SECRET]);
const typical = {
  client_id: 'skc_1893456000000123456',
  redirect_uri: 'https://app.example.com/auth/callback',
  response_type: 'code',
  scope: 'openid profile email',
  state: 'q'.repeat(43),
  nonce: 'n'.repeat(43),
  code_challenge: 'c'.repeat(43),
  code_challenge_method: 'S256',
  login_hint: 'ada@example.com',
};

describe('A sealed authorization request', () => {
  it('is opened again as the app has sent it', () => {
    assert.deepEqual(openRequest(secrets, sealRequest(secrets, typical, AT), AT), typical);
  });

  it('says every known parameter, whatever its value, and nothing else', () => {
    const names = ['claims', 'display', 'id_token_hint', 'max_age', 'prompt', 'ui_locales', 'acr_values'];
    const value = fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme' });
    fc.assert(
      fc.property(fc.record(Object.fromEntries(names.map((name) => [name, value]))), (extra) => {
        const sent = { ...typical, ...extra };
        const sealed = sealRequest(
          secrets,
          { ...sent, postern_browser: 'x', registration: 'y', empty: '' },
          AT,
        );
        assert.deepEqual(openRequest(secrets, sealed, AT), sent);
      }),
    );
  });

  it('asks for what the library had set aside: offline access, and its answer as a form', () => {
    const stored = { ...typical, scope: 'openid', postern_offline: '1', response_mode: 'postern_form_post' };
    const opened = openRequest(secrets, sealRequest(secrets, stored, AT), AT);
    assert.equal(opened?.scope, 'openid offline_access');
    assert.equal(opened?.response_mode, 'form_post');
  });

  it('has fewer than 600 characters, all of them good in a URL', () => {
    const sealed = sealRequest(secrets, typical, AT);
    assert.ok(sealed.length < 600, `${sealed.length}`);
    assert.match(sealed, /^[\w-]+$/);
  });

  it('is left out where it would be too long for a form', () => {
    assert.equal(sealRequest(secrets, { ...typical, state: 's'.repeat(7000) }, AT), '');
    assert.equal(openRequest(secrets, '', AT), undefined);
  });

  it('is good for 30 days', () => {
    const sealed = sealRequest(secrets, typical, AT);
    assert.ok(openRequest(secrets, sealed, AT + 30 * DAY));
    assert.equal(openRequest(secrets, sealed, AT + 30 * DAY + 1000), undefined);
  });

  it('is nothing when a bit of it is another one, or another server has sealed it', () => {
    const sealed = sealRequest(secrets, typical, AT);
    const bytes = Buffer.from(sealed, 'base64url');
    for (let at = 0; at < bytes.length; at += 1) {
      const other = Buffer.from(bytes);
      other[at] = (other[at] ?? 0) ^ 1;
      assert.equal(openRequest(secrets, other.toString('base64url'), AT), undefined, `byte ${at}`);
    }
    const elsewhere = createSecrets(['another-master-secret-0123456789abcdef0123456789']);
    assert.equal(openRequest(secrets, sealRequest(elsewhere, typical, AT), AT), undefined);
    assert.ok(openRequest(createSecrets(['a-newer-secret-0123456789abcdef012345678', SECRET]), sealed, AT));
    const kindred = secrets.seal('interaction', JSON.stringify({ '@': AT }), 'authorization-request');
    assert.equal(openRequest(secrets, kindred, AT), undefined);
  });
});
