import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  isLoopbackHost,
  redirectUriFault,
  URI_LENGTH_MAX,
  type UriRules,
} from '../../src/core/redirect-uri.ts';

const production: UriRules = { production: true, kind: 'redirect' };
const development: UriRules = { production: false, kind: 'redirect' };

const welcome = [
  'https://app.example.com/callback',
  'https://app.example.com',
  'https://app.example.com/',
  'https://app.example.com?tenant=1',
  'https://app.example.com:8443/auth/callback',
  'https://app.example.com/auth/callback?tenant=a%20b&next=%2Fhome',
  'https://app.example.com/@team/callback',
  'https://app.example.com/callback;v=1',
  'https://xn--bcher-kva.example/callback',
  'https://192.0.2.7/callback',
  'https://[2001:db8::1]/callback',
  'https://my_app.example.com/callback',
  'http://localhost:3000/auth/callback',
  'http://127.0.0.1:51004/callback',
  'http://[::1]:3000/callback',
  'com.example.app:/callback',
  'com.example.app://callback',
  'com.example.app:///callback',
  'myapp://signed-in',
];

/** What is refused in development, and so in production too: the words say which rule did it. */
const hostile: [string, RegExp][] = [
  ['', /empty/],
  [' ', /character/],
  ['callback', /absolute/],
  ['/callback', /absolute/],
  ['//app.example.com/callback', /absolute/],
  ['https://', /absolute/],
  ['https:///callback', /written as/],
  ['https:app.example.com/callback', /written as/],
  ['https:/app.example.com/callback', /written as/],
  ['app.example.com/callback', /absolute/],
  ['javascript:alert(1)', /scheme javascript/],
  ['javascript://app.example.com/%0aalert(1)', /control/],
  ['javascript:/alert(1)', /scheme javascript/],
  ['JavaScript:alert(1)', /scheme javascript/],
  ['java\nscript:alert(1)', /character/],
  ['java\tscript:alert(1)', /character/],
  ['data:text/html,hello', /scheme data/],
  ['data:text/html;base64,PHNjcmlwdD4=', /scheme data/],
  ['vbscript:msgbox(1)', /scheme vbscript/],
  ['file:///etc/passwd', /scheme file/],
  ['blob:https://app.example.com/1', /scheme blob/],
  ['about:blank', /scheme about/],
  ['filesystem:https://app.example.com/temporary/a', /scheme filesystem/],
  ['view-source:https://app.example.com/', /scheme view-source/],
  ['ftp://app.example.com/callback', /scheme ftp/],
  ['ws://app.example.com/callback', /scheme ws/],
  ['wss://app.example.com/callback', /scheme wss/],
  ['mailto:a@example.com', /scheme mailto/],
  ['intent://scan/#Intent;end', /fragment/],
  ['urn:ietf:wg:oauth:2.0:oob', /scheme urn/],
  ['com.example.app:callback', /app scheme/],
  ['com.example..app:/callback', /app scheme/],
  ['com.example.app.:/callback', /app scheme/],
  ['com.example.app:/a/../b', /written as/],
  ['COM.example.app:/callback', /app scheme/],
  ['https://app.example.com/callback#', /fragment/],
  ['https://app.example.com/callback#token', /fragment/],
  ['https://app.example.com/callback%', /percent/],
  ['https://app.example.com/callback%2', /percent/],
  ['https://app.example.com/callback%zz', /percent/],
  ['https://user@app.example.com/callback', /user or password/],
  ['https://user:secret@app.example.com/callback', /user or password/],
  ['https://app.example.com@evil.example/callback', /user or password/],
  ['https://app.example.com:443@evil.example/callback', /user or password/],
  ['https://@app.example.com/callback', /written as/],
  ['https://:@app.example.com/callback', /written as/],
  ['com.example.app://user@host/callback', /user or password/],
  ['https://app.example.com\\@evil.example/callback', /character/],
  ['https:\\\\app.example.com\\callback', /character/],
  ['https://app.example.com\\.evil.example/', /character/],
  ['https://app.example.com/%5c..%5cevil', /backslash/],
  ['https://app.example.com/callback%00', /control/],
  ['https://app.example.com/callback%09', /control/],
  ['https://app.example.com/callback%0d%0aSet-Cookie:a=b', /control/],
  ['https://app.example.com/?a=%7F', /control/],
  ['https://app.example.com/callback\u0000', /character/],
  ['https://app.example.com/callback\r\nSet-Cookie: a=b', /character/],
  ['https://app.example.com/call back', /character/],
  [' https://app.example.com/callback', /character/],
  ['https://app.example.com/callback ', /character/],
  ['https://app.example.com/callback\u00a0', /character/],
  ['https://app.example.com/\u202ekcabllac', /character/],
  ['https://app.example.com/callback\u2028', /character/],
  ['https://*.example.com/callback', /wildcard/],
  ['https://app.example.com/*', /wildcard/],
  ['https://app.example.com/callback?*', /wildcard/],
  ['*', /wildcard/],
  ['https://{{org}}.example.com/callback', /character/],
  ['https://app.example.com/<script>', /character/],
  ['https://app.example.com/"onload="x', /character/],
  ['https://bücher.example/callback', /character/],
  ['https://аpp.example.com/callback', /character/],
  ['https://app.example.com/ｃallback', /character/],
  ['https://App.example.com/callback', /written as/],
  ['HTTPS://app.example.com/callback', /written as/],
  ['https://app.example.com:443/callback', /written as/],
  ['https://app.example.com:0443/callback', /written as/],
  ['http://localhost:80/callback', /written as/],
  ['https://app.example.com:/callback', /written as/],
  ['https://app.example.com:0/callback', /port 0/],
  ['https://app.example.com:65536/callback', /absolute/],
  ['https://app.example.com:3000a/callback', /absolute/],
  ['https://app.example.com./callback', /host/],
  ['https://app..example.com/callback', /host/],
  ['https://.example.com/callback', /host/],
  ['https://app.example.com;evil.example/callback', /host/],
  ["https://app.example.com'.evil.example/callback", /host/],
  ['https://app.example.com&evil.example/callback', /host/],
  ['https://app.example.com%2eevil.example/callback', /written as/],
  ['https://app.example.com%2f.evil.example/callback', /absolute/],
  ['https://app.example.com%40evil.example/callback', /absolute/],
  ['https://[::1/callback', /absolute/],
  ['https://[::ffff:127.0.0.1]/callback', /written as/],
  ['http://[0:0:0:0:0:0:0:1]:3000/callback', /written as/],
  ['http://127.1:3000/callback', /written as/],
  ['http://0x7f.1:3000/callback', /written as/],
  ['http://2130706433:3000/callback', /written as/],
  ['http://0177.0.0.1:3000/callback', /written as/],
  ['http://0.0.0.0:3000/callback', /every address/],
  ['https://[::]/callback', /every address/],
  ['https://app.example.com/a/../callback', /written as/],
  ['https://app.example.com/./callback', /written as/],
  ['https://app.example.com/%2e%2e/callback', /written as/],
  ['https://app.example.com/a/%2E./callback', /written as/],
  ['https://app.example.com/a%2e%2e', /encoded/],
  ['https://app.example.com/a%2fb', /encoded/],
  ['https://app.example.com/a%252fb', /encoded/],
  ['https://app.example.com//evil.example', /empty path segment/],
  ['https://app.example.com/a//b', /empty path segment/],
  ['com.example.app:////evil.example', /empty path segment/],
  ['https://app.example.com/callback?code=1', /parameter code/],
  ['https://app.example.com/callback?state=1', /parameter state/],
  ['https://app.example.com/callback?a=1&%63ode=1', /parameter code/],
  ['https://app.example.com/callback?error=1', /parameter error/],
  ['https://app.example.com/callback?iss=x', /parameter iss/],
  [`https://app.example.com/${'a'.repeat(URI_LENGTH_MAX)}`, /longer/],
  [`https://app.example.com/${'a'.repeat(2048)}`, /longer/],
];

/** Fine on a developer's machine, refused once the issuer is on https. */
const developmentOnly = [
  'http://app.example.com/callback',
  'http://192.168.1.5:3000/callback',
  'http://localhost.evil.example/callback',
  'http://127.0.0.1.evil.example/callback',
  'http://127.0.0.2/callback',
  'http://app.localhost:3000/callback',
  'http://169.254.169.254/callback',
];

describe('a redirect URI', () => {
  for (const uri of welcome) {
    it(`can be registered: ${uri}`, () => {
      assert.equal(redirectUriFault(uri, production), undefined);
      assert.equal(redirectUriFault(uri, development), undefined);
    });
  }

  for (const [uri, why] of hostile) {
    it(`is refused: ${JSON.stringify(uri.slice(0, 80))}`, () => {
      assert.match(redirectUriFault(uri, development) ?? 'accepted', why);
      assert.notEqual(redirectUriFault(uri, production), undefined);
    });
  }

  for (const uri of developmentOnly) {
    it(`is for development only: ${uri}`, () => {
      assert.equal(redirectUriFault(uri, development), undefined);
      assert.match(redirectUriFault(uri, production) ?? 'accepted', /must use https/);
    });
  }

  it('may be as long as the limit and no longer', () => {
    const uri = `https://app.example.com/${'a'.repeat(URI_LENGTH_MAX)}`.slice(0, URI_LENGTH_MAX);
    assert.equal(redirectUriFault(uri, production), undefined);
    assert.match(redirectUriFault(`${uri}a`, production) ?? '', /longer than 256/);
  });

  it('is called what it is for in the refusal', () => {
    const named = (kind: UriRules['kind']) => redirectUriFault('', { production: true, kind });
    assert.match(named('redirect') ?? '', /^The redirect URI is empty\.$/);
    assert.match(named('post-logout') ?? '', /^The post-logout URI/);
    assert.match(named('initiate-login') ?? '', /^The initiate-login URI/);
  });

  it('that starts a sign-in is on the web and may have any parameter', () => {
    const rules: UriRules = { production: true, kind: 'initiate-login' };
    assert.equal(redirectUriFault('https://app.example.com/login?state=1', rules), undefined);
    assert.match(redirectUriFault('com.example.app:/login', rules) ?? '', /must use https/);
  });

  it('that was accepted is read by a browser as exactly what was registered', () => {
    const parts = [
      'https',
      'http',
      ':',
      '/',
      '//',
      '@',
      '?',
      '#',
      '.',
      '..',
      '%2f',
      '%',
      '\\',
      ' ',
      '\t',
      '*',
    ];
    const words = [
      'app',
      'example',
      'com',
      'localhost',
      '127.0.0.1',
      '[::1]',
      'javascript',
      'code',
      '=',
      'É',
    ];
    const text = fc.array(fc.constantFrom(...parts, ...words), { maxLength: 14 }).map((all) => all.join(''));
    fc.assert(
      fc.property(text, (uri) => {
        if (redirectUriFault(uri, production) !== undefined) return;
        const url = new URL(uri);
        assert.ok(url.href === uri || url.href === uri.replace(/^([^?]*)/, '$1/'), uri);
        assert.equal(url.username + url.password + url.hash, '');
        assert.ok(url.protocol !== 'http:' || isLoopbackHost(url.hostname), uri);
        assert.notEqual(url.protocol, 'javascript:');
      }),
      { numRuns: 5000 },
    );
  });
});
