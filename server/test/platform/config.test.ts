import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { Problem } from '../../src/core/problems.ts';
import { type Environment, type Mode, type Overrides, readConfig } from '../../src/platform/config.ts';

const SECRET = '0123456789abcdefghijklmnopqrstuvwxyz';
const OTHER_SECRET = 'zyxwvutsrqponmlkjihgfedcba9876543210';
const folder = mkdtempSync(join(tmpdir(), 'postern-config-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let made = 0;
function newFolder(): string {
  made += 1;
  return join(folder, String(made));
}

function fileWith(text: string): string {
  made += 1;
  const path = join(folder, `file-${made}`);
  writeFileSync(path, text);
  return path;
}

const served: Environment = {
  POSTERN_URL: 'https://id.example.com',
  POSTERN_SECRET: SECRET,
  POSTERN_SMTP_URL: 'smtps://user:hunter2hunter2@smtp.example.com:465',
  POSTERN_MAIL_FROM: 'Example <sign-in@example.com>',
};

/** What the refusal says, a line per fault. */
function faultsOf(
  env: Environment,
  mode: Mode = 'serve',
  overrides: Overrides = { data: newFolder() },
): string[] {
  try {
    readConfig(env, mode, overrides);
    return [];
  } catch (failure) {
    assert.ok(failure instanceof Problem);
    assert.equal(failure.code, 'configuration_invalid');
    return failure.detail.split('\n');
  }
}

describe('the configuration of a development server', () => {
  it('needs nothing', () => {
    const data = newFolder();
    const config = readConfig({}, 'dev', { data });
    assert.equal(config.url, 'http://localhost:4000');
    assert.deepEqual(config.listen, { host: '127.0.0.1', port: 4000 });
    assert.equal(config.database, `sqlite:${join(data, 'postern.db')}`);
    assert.equal(config.dataDir, data);
    assert.equal(config.workers, 1);
    assert.equal(config.logLevel, 'info');
    assert.equal(config.smtpUrl, undefined);
    assert.deepEqual(config.trustProxy, []);
  });

  it('makes a secret once and keeps it where only its owner can read it', () => {
    const data = newFolder();
    const [secret = ''] = readConfig({}, 'dev', { data }).secrets;
    assert.ok(secret.length >= 43);
    assert.deepEqual(readConfig({}, 'dev', { data }).secrets, [secret]);
    assert.equal(statSync(join(data, 'secret')).mode & 0o777, 0o600);
  });

  it('makes no secret when something else is wrong', () => {
    const data = newFolder();
    assert.equal(faultsOf({ POSTERN_LOG: 'loud' }, 'dev', { data }).length, 1);
    assert.equal(existsSync(join(data, 'secret')), false);
  });

  it('keeps the secret beside a database that is elsewhere', () => {
    const data = newFolder();
    const config = readConfig({ POSTERN_DATABASE: `sqlite:${join(data, 'mine.db')}` }, 'dev');
    assert.equal(config.dataDir, data);
    assert.equal(existsSync(join(data, 'secret')), true);
  });

  it('refuses to make a second secret for a database that is used with another', () => {
    const data = newFolder();
    readConfig({}, 'dev', { data });
    writeFileSync(join(data, 'postern.db'), '');
    rmSync(join(data, 'secret'));
    assert.match(faultsOf({}, 'dev', { data }).join(), /POSTERN_SECRET is not set: give the one that this/);
    assert.deepEqual(readConfig({ POSTERN_SECRET: SECRET }, 'dev', { data }).secrets, [SECRET]);
  });

  it('says what is wrong with a kept secret that was damaged', () => {
    const data = newFolder();
    readConfig({}, 'dev', { data });
    writeFileSync(join(data, 'secret'), 'short');
    assert.match(faultsOf({}, 'dev', { data }).join(), /The secret in .*secret must be 32 bytes or more/);
  });

  it('keeps nothing for a database in memory', () => {
    const config = readConfig({ POSTERN_DATABASE: 'sqlite::memory:' }, 'dev', { data: newFolder() });
    assert.equal(config.secrets.length, 1);
    assert.equal(existsSync(config.dataDir), false);
  });

  it('takes the port of the flag for its address and where it listens', () => {
    const config = readConfig({}, 'dev', { data: newFolder(), port: 4100 });
    assert.equal(config.url, 'http://localhost:4100');
    assert.deepEqual(config.listen, { host: '127.0.0.1', port: 4100 });
  });

  it('may be on plain http in a private network', () => {
    const config = readConfig({ POSTERN_URL: 'http://192.168.1.5:4000' }, 'dev', { data: newFolder() });
    assert.deepEqual(config.listen, { host: '0.0.0.0', port: 4000 });
  });
});

describe('the configuration of a production server', () => {
  it('is read from the environment', () => {
    const config = readConfig(
      { ...served, POSTERN_TRUST_PROXY: '10.0.0.5, 10.1.0.0/16 2001:db8::/32', POSTERN_LOG: 'warn' },
      'serve',
    );
    assert.equal(config.url, 'https://id.example.com');
    assert.deepEqual(config.secrets, [SECRET]);
    assert.deepEqual(config.trustProxy, ['10.0.0.5', '10.1.0.0/16', '2001:db8::/32']);
    assert.equal(config.mailFrom, 'Example <sign-in@example.com>');
    assert.equal(config.logLevel, 'warn');
  });

  it('listens for a proxy when the address is on https and the certificate is not its own', () => {
    assert.deepEqual(readConfig(served, 'serve').listen, { host: '0.0.0.0', port: 4000 });
    const own = readConfig({ ...served, POSTERN_LISTEN: '[::1]:8080' }, 'serve');
    assert.deepEqual(own.listen, { host: '::1', port: 8080 });
  });

  it('tells everything that is missing at once, each with what to do', () => {
    const faults = faultsOf({}, 'serve');
    const names = ['POSTERN_URL', 'POSTERN_SECRET'];
    assert.equal(faults.length, names.length);
    for (const name of names)
      assert.ok(
        faults.some((fault) => fault.includes(`${name} is not set: `)),
        name,
      );
  });

  it('wants a sender with a mail server, and neither where providers are in the database', () => {
    const { POSTERN_SMTP_URL: _url, POSTERN_MAIL_FROM: _from, ...others } = served;
    assert.equal(readConfig(others, 'serve').smtpUrl, undefined);
    const faults = faultsOf({ ...others, POSTERN_SMTP_URL: 'smtp://127.0.0.1:25' }, 'serve');
    assert.match(faults.join(), /POSTERN_MAIL_FROM is not set: /);
  });

  it('tells everything that is wrong at once', () => {
    const wrong = {
      POSTERN_URL: 'https://id.example.com/auth',
      POSTERN_LISTEN: '4000',
      POSTERN_DATABASE: 'mysql://db',
      POSTERN_SECRET: 'short',
      POSTERN_SMTP_URL: 'https://smtp.example.com',
      POSTERN_MAIL_FROM: 'nobody',
      POSTERN_TRUST_PROXY: '*',
      POSTERN_WORKERS: 'many',
      POSTERN_TLS_CERT: '/nowhere/cert.pem',
      POSTERN_LOG: 'loud',
      POSTERN_SMPT_URL: 'smtp://smtp.example.com',
    };
    const faults = faultsOf(wrong);
    for (const name of Object.keys(wrong))
      assert.ok(
        faults.some((fault) => fault.startsWith(`- ${name} `)),
        `${name} in\n${faults.join('\n')}`,
      );
  });

  it('refuses a development database, which forgets everyone', () => {
    assert.match(faultsOf({ ...served, POSTERN_DATABASE: 'sqlite::memory:' }).join(), /forgets everyone/);
  });

  it('uses all cores on PostgreSQL and one process on SQLite', () => {
    const postgres = { ...served, POSTERN_DATABASE: 'postgres://user:secret@db.example.com/postern' };
    assert.equal(readConfig(postgres, 'serve').workers, availableParallelism());
    assert.equal(readConfig({ ...postgres, POSTERN_WORKERS: '3' }, 'serve').workers, 3);
    assert.equal(readConfig(served, 'serve').workers, 1);
    assert.match(faultsOf({ ...served, POSTERN_WORKERS: '2' }).join(), /POSTERN_WORKERS must be 1 on SQLite/);
  });
});

describe('the configuration of a command', () => {
  it('uses the secret that the development server keeps', () => {
    const data = newFolder();
    const { secrets } = readConfig({}, 'dev', { data });
    writeFileSync(join(data, 'postern.db'), '');
    assert.deepEqual(readConfig({}, 'tool', { data }).secrets, secrets);
  });

  it('asks for the secret of a production database instead of making one', () => {
    const data = newFolder();
    const asked = /POSTERN_SECRET is not set: give the one/;
    assert.match(faultsOf({ POSTERN_URL: 'https://id.example.com' }, 'tool', { data }).join(), asked);
    assert.match(faultsOf({ POSTERN_DATABASE: 'postgres://db/postern' }, 'tool', { data }).join(), asked);
    assert.equal(existsSync(data), false);
  });

  it('needs no mail server', () => {
    const config = readConfig({ POSTERN_URL: served.POSTERN_URL, POSTERN_SECRET: SECRET }, 'tool');
    assert.equal(config.url, 'https://id.example.com');
  });
});

describe('a variable', () => {
  const table: [name: string, value: string, why: RegExp][] = [
    ['POSTERN_URL', 'id.example.com', /must be an address such as/],
    ['POSTERN_URL', 'ftp://id.example.com', /must be an address such as/],
    ['POSTERN_URL', 'https://id.example.com/auth', /origin only/],
    ['POSTERN_URL', 'https://id.example.com?a=b', /origin only/],
    ['POSTERN_URL', 'https://user@id.example.com', /origin only/],
    ['POSTERN_URL', 'https://ID.example.com', /written as https:\/\/id\.example\.com/],
    ['POSTERN_URL', 'https://id.example.com:443', /written as https:\/\/id\.example\.com/],
    ['POSTERN_URL', 'http://id.example.com', /must use https/],
    ['POSTERN_URL', 'http://127.0.0.1.evil.example', /must use https/],
    ['POSTERN_LISTEN', '::1:4000', /host:port/],
    ['POSTERN_LISTEN', 'localhost:65536', /host:port/],
    ['POSTERN_LISTEN', '[localhost]:4000', /host:port/],
    ['POSTERN_DATABASE', 'sqlite:', /sqlite:PATH/],
    ['POSTERN_DATABASE', 'sqlite:///tmp/a.db', /sqlite:PATH/],
    ['POSTERN_DATABASE', 'postgres://user:p@ss:w@host:port/x', /sqlite:PATH/],
    ['POSTERN_SECRET', 'only31bytes-only31bytes-only31b', /32 bytes or more/],
    ['POSTERN_SECRET', `${SECRET},short`, /32 bytes or more/],
    ['POSTERN_SECRET', 'changemechangemechangemechangeme', /not random/],
    ['POSTERN_SECRET', 'x'.repeat(64), /not random/],
    ['POSTERN_SMTP_URL', 'smtp.example.com:587', /smtps:\/\//],
    ['POSTERN_MAIL_FROM', 'Example <a@example.com>, b@example.com', /an address/],
    ['POSTERN_MAIL_FROM', 'Exam\nple <a@example.com>', /an address/],
    ['POSTERN_TRUST_PROXY', '*', /list the proxies/],
    ['POSTERN_TRUST_PROXY', 'true', /list the proxies/],
    ['POSTERN_TRUST_PROXY', '0.0.0.0/0', /list the proxies/],
    ['POSTERN_TRUST_PROXY', '::/0', /list the proxies/],
    ['POSTERN_TRUST_PROXY', '10.0.0.0/33', /list the proxies/],
    ['POSTERN_TRUST_PROXY', '10.0.0.1, proxy.example.com', /list the proxies/],
    ['POSTERN_TRUST_PROXY', '10.0.0', /list the proxies/],
    ['POSTERN_WORKERS', '0', /whole number/],
    ['POSTERN_WORKERS', '-1', /whole number/],
    ['POSTERN_WORKERS', '1.5', /whole number/],
    ['POSTERN_LOG', 'INFO', /one of debug, info/],
    ['POSTERN_SMTP', 'smtp://smtp.example.com', /did you mean POSTERN_SMTP_URL/],
    ['POSTERN_PORT', '4000', /did you mean POSTERN_LISTEN/],
    ['POSTERN_DEBUGGER_ATTACH_ON_START', '1', /means nothing here: remove it/],
    ['POSTERN_URL_FILE', '/run/url', /means nothing here/],
  ];
  for (const [name, value, why] of table) {
    it(`is refused: ${name}=${JSON.stringify(value)}`, () => {
      const faults = faultsOf({ ...served, [name]: value });
      assert.equal(faults.length, 1, faults.join('\n'));
      assert.match(faults[0] ?? '', why);
    });
  }

  it('that is empty counts as not set', () => {
    assert.equal(readConfig({ ...served, POSTERN_LISTEN: '', POSTERN_LOG: ' ' }, 'serve').logLevel, 'info');
    assert.match(faultsOf({ ...served, POSTERN_SECRET: '' }).join(), /POSTERN_SECRET is not set/);
  });

  it('that holds a secret is never shown in a refusal', () => {
    const faults = faultsOf({
      ...served,
      POSTERN_SECRET: 'hunter2',
      POSTERN_DATABASE: 'postgre://user:hunter2@db/postern',
      POSTERN_SMTP_URL: 'smtp:/user:hunter2@smtp.example.com\n',
    });
    assert.ok(faults.length >= 2);
    assert.doesNotMatch(faults.join(), /hunter2/);
  });

  it('may come from a file when it holds a secret', () => {
    const config = readConfig(
      {
        POSTERN_URL: served.POSTERN_URL,
        POSTERN_MAIL_FROM: served.POSTERN_MAIL_FROM,
        POSTERN_SECRET_FILE: fileWith(`${SECRET}\n${OTHER_SECRET}\n`),
        POSTERN_DATABASE_FILE: fileWith('postgres://user:secret@db/postern\n'),
        POSTERN_SMTP_URL_FILE: fileWith('smtp://smtp.example.com\n'),
      },
      'serve',
    );
    assert.deepEqual(config.secrets, [SECRET, OTHER_SECRET]);
    assert.equal(config.database, 'postgres://user:secret@db/postern');
    assert.equal(config.smtpUrl, 'smtp://smtp.example.com');
  });

  it('is refused when its file cannot be read, and when both are set', () => {
    const { POSTERN_SECRET: _, ...rest } = served;
    const missing = faultsOf({ ...rest, POSTERN_SECRET_FILE: '/nowhere/secret' });
    assert.match(missing.join(), /^POSTERN_SECRET_FILE names a file that cannot be read \(ENOENT\)/);
    const both = faultsOf({ ...served, POSTERN_SECRET_FILE: fileWith(SECRET) });
    assert.match(both.join(), /^POSTERN_SECRET and POSTERN_SECRET_FILE are both set: keep one/);
  });

  it('lists several secrets newest first', () => {
    const env = { ...served, POSTERN_SECRET: `${SECRET}, ${OTHER_SECRET}` };
    assert.deepEqual(readConfig(env, 'serve').secrets, [SECRET, OTHER_SECRET]);
  });

  it('that Kubernetes sets for a service called "postern" is none of ours', () => {
    const links = {
      POSTERN_SERVICE_HOST: '10.0.0.1',
      POSTERN_SERVICE_PORT: '80',
      POSTERN_SERVICE_PORT_HTTP: '80',
      POSTERN_PORT: 'tcp://10.0.0.1:80',
      POSTERN_PORT_80_TCP: 'tcp://10.0.0.1:80',
      POSTERN_PORT_80_TCP_ADDR: '10.0.0.1',
      POSTERN_WEB_SERVICE_HOST: '10.0.0.1',
    };
    assert.deepEqual(faultsOf({ ...served, ...links }), []);
  });

  it('of the tests and of other programs is left alone', () => {
    const others = { POSTERN_TEST_BROWSER: '/usr/bin/chromium', POSTERN_TEST_POSTGRES: 'x', PATH: '/bin' };
    assert.deepEqual(faultsOf({ ...served, ...others }), []);
  });
});

/** Self-signed for localhost, for a hundred years; good for nothing but this test. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBgDCCASWgAwIBAgIUDi9FBkHBog2g/6Ne7iTWv1tC/2AwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjE2NTAxOFoYDzIxMjYxMDI5
MTY1MDE4WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASXJYZFlVtK39jbcT6hqYapBY723Yc6Ta8ISAnmLYr6LPl8soQ3baec
ltQ2p2T83cnPWwsJ1P44Nj/z/HZ97pxro1MwUTAdBgNVHQ4EFgQUN7ahOYKUnyXm
JbUn/ncYH74pPB8wHwYDVR0jBBgwFoAUN7ahOYKUnyXmJbUn/ncYH74pPB8wDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEA7CKQGwozE7G9WZHuhQi0
7u7qRXY7KXwd/qSdDbFdPlUCIQD2xWNqCh3UtE0piUXAkNQUMSjmE+WyJ5sfiNtG
ipbNUg==
-----END CERTIFICATE-----
`;
const PRIVATE_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg3SVBhDXXtsbEF/Fy
1wW8UpBd+bG3lib7CknBoNOyJFChRANCAASXJYZFlVtK39jbcT6hqYapBY723Yc6
Ta8ISAnmLYr6LPl8soQ3baecltQ2p2T83cnPWwsJ1P44Nj/z/HZ97pxr
-----END PRIVATE KEY-----
`;

describe('a certificate of our own', () => {
  const files = { POSTERN_TLS_CERT: fileWith(CERTIFICATE), POSTERN_TLS_KEY: fileWith(PRIVATE_KEY) };

  it('is read with its key, and the port is that of the address', () => {
    const config = readConfig({ ...served, ...files }, 'serve');
    assert.equal(config.tls?.cert, CERTIFICATE.trim());
    assert.equal(config.tls?.key, PRIVATE_KEY.trim());
    assert.deepEqual(config.listen, { host: '0.0.0.0', port: 443 });
  });

  it('is refused without its key, with the key of another one, and when it is none', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const other = fileWith(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    const faults = (tls: Environment) => faultsOf({ ...served, ...tls }).join();
    assert.match(faults({ POSTERN_TLS_CERT: files.POSTERN_TLS_CERT }), /belong together/);
    assert.match(faults({ ...files, POSTERN_TLS_KEY: other }), /is not the key of/);
    assert.match(
      faults({ ...files, POSTERN_TLS_CERT: fileWith('hello') }),
      /POSTERN_TLS_CERT must name a PEM/,
    );
  });
});
