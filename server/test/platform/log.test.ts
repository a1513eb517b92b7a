import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { LogLevel } from '../../src/platform/config.ts';
import { createLog, type Log } from '../../src/platform/log.ts';

/** Digits only between the escape and the m: what `styleText` writes. */
const OUR_COLOURS = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, 'g');

function written(work: (log: Log) => void, options: { pretty?: boolean; level?: LogLevel } = {}): string {
  const lines: string[] = [];
  const write = (line: string) => lines.push(line);
  work(createLog(options.level ?? 'debug', { pretty: options.pretty ?? false, write }));
  return lines.join('');
}

describe('the log', () => {
  it('writes JSON with a level, a time and the message', () => {
    const entry = JSON.parse(written((log) => log.info({ port: 4000 }, 'listening')));
    assert.equal(entry.level, 'info');
    assert.equal(entry.msg, 'listening');
    assert.equal(entry.port, 4000);
    assert.match(entry.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  it('leaves out what is below its level', () => {
    const all = (log: Log) => {
      log.debug('1');
      log.info('2');
      log.warn('3');
      log.error('4');
    };
    const messages = (level: LogLevel) => written(all, { level }).match(/"msg":"\d"/g)?.length ?? 0;
    assert.deepEqual((['debug', 'info', 'warn', 'error', 'silent'] as const).map(messages), [4, 3, 2, 1, 0]);
  });

  for (const pretty of [false, true]) {
    it(`writes one line per entry whatever the values hold (pretty: ${pretty})`, () => {
      const nasty = fc.string({
        unit: fc.constantFrom('\r', '\n', '\u001b[2J', '\u2028', '\u009b', '\u202e', 'a'),
      });
      fc.assert(
        fc.property(nasty, nasty, (name, value) => {
          const text = written((log) => log.info({ [`x${name}`]: { y: [value] } }, value), { pretty });
          assert.match(text, /^[^\n]*\n$/);
          const ours = pretty ? text.replaceAll(OUR_COLOURS, '') : text;
          assert.doesNotMatch(ours.slice(0, -1), /[\p{Cc}\u2028\u2029\u202a-\u202e]/u);
        }),
      );
    });

    it(`never writes a secret (pretty: ${pretty})`, () => {
      const secret = 'S3cretS3cretS3cretS3cretS3cretS3cretS3cretS3';
      const names = [
        'code',
        'link',
        'token',
        'secret',
        'cookie',
        'authorization',
        'password',
        'client_secret',
      ];
      const more = [
        'clientSecret',
        'set-cookie',
        'accessToken',
        'code_verifier',
        'magicLink',
        'Authorization',
      ];
      const texts = [
        `https://id.example.com/l/${secret}`,
        `https://id.example.com/not-me/${secret}`,
        `https://app.example.com/callback?code=${secret}&state=1`,
        `grant_type=authorization_code&code=${secret}`,
        `client_secret=${secret}`,
        `Bearer ${secret}`,
        `eyJhbGciOiJSUzI1NiJ9.${secret}.${secret}`,
        `live_${secret}`,
        `test_${secret}`,
        `postgres://postern:${secret}@db/postern`,
        `Cookie: _session=${secret}`,
      ];
      const text = written(
        (log) => {
          for (const name of [...names, ...more]) log.info({ a: { list: [{ [name]: secret }] } }, 'x');
          for (const name of names) log.info({ [name]: { deep: secret } });
          for (const one of texts) {
            log.info(one);
            log.warn({ text: one, list: [one] });
            log.error(new Error(one, { cause: new Error(one) }));
            log.error({ error: new AggregateError([new Error(one)], one) }, one);
          }
        },
        { pretty },
      );
      assert.deepEqual(
        text.split('\n').filter((line) => line.includes(secret)),
        [],
      );
    });
  }

  it('keeps the code that says what went wrong', () => {
    const failure = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    const entry = JSON.parse(written((log) => log.error({ error: failure, statusCode: 503 }, 'no database')));
    assert.equal(entry.error.errorCode, 'ECONNREFUSED');
    assert.equal(entry.error.message, 'refused');
    assert.equal(entry.statusCode, 503);
  });

  it('is not broken by a value that has no end', () => {
    const circle: Record<string, unknown> = { big: 10n, bytes: Buffer.from('secret') };
    circle.self = circle;
    const text = written((log) => log.info(circle, 'a'.repeat(100_000)));
    assert.ok(text.length < 20_000);
    assert.equal(text.includes('secret'), false);
  });

  it('shows a person the time, the level, the message and the fields', () => {
    const text = written((log) => log.warn({ host: 'smtp.example.com', why: 'timed out' }, 'no mail'), {
      pretty: true,
    });
    const plain = text.replaceAll(OUR_COLOURS, '');
    assert.match(plain, /^\d\d:\d\d:\d\d\.\d{3} WARN {2}no mail host=smtp\.example\.com why="timed out"\n$/);
  });
});
