import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { after, afterEach, before, describe, it } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { tlsFinding } from '../../../src/mail/preflight/relay-tls.ts';
import type { Relay } from '../../../src/mail/preflight/ways.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { type Certificate, createAuthority } from '../../fixtures/certificates.ts';

const DAY = 86_400_000;
const authority = createAuthority();
const good = authority.issue('127.0.0.1');
const known = getCACertificates('default');

describe('the preflight of a relay', () => {
  const ends: (() => Promise<unknown>)[] = [];
  before(() => setDefaultCACertificates([...known, authority.cert]));
  after(() => setDefaultCACertificates(known));
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });

  const heard: string[] = [];

  async function relay(
    certificate: Certificate,
    tls: Relay['tls'],
    more: SMTPServerOptions = {},
  ): Promise<Relay> {
    const refuse = (_: unknown, _session: unknown, done: (failure: Error) => void) => {
      heard.push('MAIL');
      done(new Error('a preflight sends nothing'));
    };
    const server = new SMTPServer({
      ...certificate,
      secure: tls === 'implicit',
      onMailFrom: refuse,
      ...more,
    });
    server.on('error', () => undefined);
    server.listen(0, '127.0.0.1');
    await once(server.server, 'listening');
    ends.push(() => new Promise<void>((closed) => server.close(() => closed())));
    return { host: '127.0.0.1', port: (server.server.address() as AddressInfo).port, tls };
  }

  async function raw(answer: (server: Server) => void): Promise<Relay> {
    const server = createServer();
    answer(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ends.push(() => new Promise<void>((closed) => server.close(() => closed())));
    return { host: '127.0.0.1', port: (server.address() as AddressInfo).port, tls: 'starttls' };
  }

  for (const tls of ['starttls', 'implicit'] as const) {
    it(`is content with a certificate for its host, by ${tls}, and sends nothing`, async () => {
      const found = await tlsFinding(await relay(good, tls), systemClock);
      assert.equal(found.status, 'ok', found.what);
      assert.match(found.what, /TLSv1\.3/);
      assert.deepEqual(heard, []);
    });

    const bad: readonly (readonly [string, () => Certificate, RegExp])[] = [
      ['of another name', () => authority.issue('mail.acme.com'), /another name/],
      [
        'that has expired',
        () => authority.issue('127.0.0.1', { from: new Date(0), until: new Date(DAY) }),
        /has expired/,
      ],
      ['of nobody known', () => createAuthority('Somebody').issue('127.0.0.1'), /nobody known/],
    ];
    for (const [what, certificate, says] of bad)
      it(`finds a certificate ${what}, by ${tls}`, async () => {
        const found = await tlsFinding(await relay(certificate(), tls), systemClock);
        assert.equal(found.status, 'fail');
        assert.match(found.what, says);
        assert.ok(found.fix);
      });
  }

  it('warns of a certificate that ends within ten days', async () => {
    const soon = authority.issue('127.0.0.1', { until: new Date(Date.now() + 5 * DAY) });
    const found = await tlsFinding(await relay(soon, 'starttls'), systemClock);
    assert.equal(found.status, 'warn');
    assert.match(found.fix ?? '', /Renew/);
  });

  it('finds a server with a protocol before TLS 1.2', async () => {
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    const found = await tlsFinding(await relay(good, 'implicit', old), systemClock);
    assert.equal(found.status, 'fail');
    assert.match(found.what, /TLSv1\.1, which is broken|No TLS/);
  });

  it('finds a server that offers no STARTTLS', async () => {
    const found = await tlsFinding(
      await relay(good, 'starttls', { disabledCommands: ['STARTTLS'] }),
      systemClock,
    );
    assert.equal(found.status, 'fail');
    assert.match(found.what, /does not offer STARTTLS/);
  });

  it('finds a server that refuses, hangs up, talks without end, or is not there', async () => {
    const refusing = await raw((server) =>
      server.on('connection', (socket) => socket.end('554 no mail from you\r\n')),
    );
    assert.match((await tlsFinding(refusing, systemClock)).what, /554 no mail from you/);
    const mute = await raw((server) => server.on('connection', (socket) => socket.destroy()));
    assert.match((await tlsFinding(mute, systemClock)).what, /No TLS with/);
    const endless = await raw((server) =>
      server.on('connection', (socket) => {
        socket.on('error', () => undefined);
        socket.write('220-hello\r\n'.repeat(2000));
      }),
    );
    assert.match((await tlsFinding(endless, systemClock)).what, /No TLS with/);
    const gone = await tlsFinding({ host: '127.0.0.1', port: 1, tls: 'implicit' }, systemClock);
    assert.equal(gone.status, 'fail');
    assert.match(gone.what, /ECONNREFUSED/);
  });

  it('gives up after five seconds', async () => {
    const silent = await raw((server) =>
      server.on('connection', (socket) => socket.on('error', () => undefined)),
    );
    const began = performance.now();
    const found = await tlsFinding(silent, systemClock);
    assert.match(found.what, /longer than five seconds/);
    assert.ok(performance.now() - began < 7000);
  });

  it('connects nowhere where TLS is switched off, and warns unless it is this machine', async () => {
    const off = { port: 25, tls: 'off' } as const;
    assert.equal((await tlsFinding({ host: 'relay.acme.com', ...off }, systemClock)).status, 'warn');
    for (const host of ['localhost', '127.0.0.2', '::1'])
      assert.equal((await tlsFinding({ host, ...off }, systemClock)).status, 'ok');
  });
});
