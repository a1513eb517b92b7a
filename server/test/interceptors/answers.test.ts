import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseAnswer } from '../../src/events/interceptors/answer.ts';

const allow = (claims: unknown) => JSON.stringify({ decision: 'ALLOW', response: { claims } });
const nested = (depth: number): unknown => (depth === 0 ? 'x' : { a: nested(depth - 1) });

describe('The answer of an interceptor', () => {
  it('allows, with or without claims', () => {
    for (const body of ['{"decision":"ALLOW"}', allow(undefined), allow(null), allow({})])
      assert.deepEqual(parseAnswer(body), { decision: 'allow' });
    assert.deepEqual(parseAnswer(allow({ plan: 'pro', seats: [1, 2], org: { id: 7 } })), {
      decision: 'allow',
      claims: { plan: 'pro', seats: [1, 2], org: { id: 7 } },
    });
  });

  it('denies with a message in the characters that OAuth allows, and short', () => {
    const denied = (message: unknown) =>
      parseAnswer(JSON.stringify({ decision: 'DENY', error: { message } }));
    const rows: readonly (readonly [unknown, string])[] = [
      ['Ask your admin', 'Ask your admin'],
      ['Zugang für "Gäste"\r\nSet-Cookie: a=b', "Zugang fur 'Gaste' Set-Cookie: a=b"],
      ['a\\b\u0000\u202e\u{1f600}c', 'a b c'],
      ['', 'the sign-in was refused'],
      ['\n\n', 'the sign-in was refused'],
      [7, 'the sign-in was refused'],
      ['x'.repeat(10_000), 'x'.repeat(200)],
    ];
    for (const [given, message] of rows) assert.deepEqual(denied(given), { decision: 'deny', message });
    assert.deepEqual(parseAnswer('{"decision":"DENY"}'), {
      decision: 'deny',
      message: 'the sign-in was refused',
    });
  });

  it('is none without a decision of its own, and says why', () => {
    const bodies = [
      '',
      'ALLOW',
      'null',
      '[]',
      '"ALLOW"',
      '{}',
      '{"decision":"allow"}',
      '{"decision":["ALLOW"]}',
      '{"decision":true}',
      '{"__proto__":{"decision":"ALLOW"}}',
      '{"decision":"ALLOW"',
      '['.repeat(200_000),
    ];
    for (const body of bodies) assert.equal(typeof parseAnswer(body), 'string', body.slice(0, 60));
  });

  it('is none with claims that no token should carry', () => {
    const rows: readonly (readonly [string, RegExp])[] = [
      [allow('admin'), /no object/],
      [allow([1]), /no object/],
      [allow({ sub: 'usr_1' }), /reserved name sub/],
      [allow({ AUD: 'x' }), /reserved name AUD/],
      [allow({ email: 'a@b.c' }), /reserved name email/],
      ['{"decision":"ALLOW","response":{"claims":{"__proto__":{"admin":true}}}}', /reserved name __proto__/],
      ['{"decision":"ALLOW","response":{"claims":{"a":{"constructor":1}}}}', /reserved name constructor/],
      [allow(nested(6)), /nested more than 5 deep/],
      [
        `{"decision":"ALLOW","response":{"claims":{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}}}`,
        /nested/,
      ],
      [allow({ a: 'ü'.repeat(2050) }), /longer than 4096 bytes/],
    ];
    for (const [body, why] of rows) assert.match(String(parseAnswer(body)), why, body.slice(0, 80));
    assert.equal(typeof parseAnswer(allow(nested(5))), 'object');
    assert.equal(Object.hasOwn(Object.prototype, 'admin'), false);
  });

  it('never throws, and never allows what does not say so', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.jsonValue().map((value) => allow(value)),
        ),
        (body) => {
          const answer = parseAnswer(body);
          if (typeof answer === 'object' && answer.decision === 'allow')
            assert.equal(JSON.parse(body).decision, 'ALLOW');
        },
      ),
    );
  });
});
