import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcp } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { isLinkLocal, isPublicAddress } from '../../src/platform/http/networks.ts';
import { createOutbound, OutboundFailure, type OutboundRequest } from '../../src/platform/http/outbound.ts';

const outbound = createOutbound();
const seen: string[] = [];
const server = createServer((request, response) => {
  seen.push(`${request.method} ${request.url}`);
  if (request.url === '/away') return void response.writeHead(302, { location: '/landed' }).end();
  if (request.url === '/endless') {
    response.writeHead(200);
    const pour = () => {
      while (!response.destroyed && response.write('x'.repeat(16_384)));
      if (!response.destroyed) response.once('drain', pour);
    };
    return pour();
  }
  if (request.url === '/silent') return undefined;
  request.resume().on('end', () => response.writeHead(201, { 'x-a': '1' }).end('fine'));
});
let url = '';
before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => {
  server.closeAllConnections();
  server.close();
});

const failureOf = async (request: OutboundRequest) => {
  const failure = await outbound(request).then(
    (answer) => assert.fail(`it was answered with ${answer.status}`),
    (reason: unknown) => reason,
  );
  assert.ok(failure instanceof OutboundFailure);
  return failure;
};

describe('A request to another server', () => {
  it('brings its answer whatever the status', async () => {
    const answer = await outbound({ url: `${url}/a`, body: 'x', reach: 'private' });
    assert.deepEqual([answer.status, answer.headers['x-a'], answer.body], [201, '1', 'fine']);
  });

  it('does not follow a redirect', async () => {
    assert.equal((await outbound({ url: `${url}/away`, reach: 'private' })).status, 302);
    assert.ok(!seen.includes('GET /landed') && !seen.includes('POST /landed'));
  });

  it('reads only the beginning of an endless answer', async () => {
    const answer = await outbound({ url: `${url}/endless`, method: 'GET', reach: 'private' });
    assert.equal(answer.status, 200);
    assert.ok(answer.body.length <= 256 * 1024);
  });

  it('may have arrived when there is no answer in time', { timeout: 20_000 }, async () => {
    const failure = await failureOf({ url: `${url}/silent`, reach: 'private' });
    assert.deepEqual([failure.began, failure.message], [true, 'no answer within ten seconds']);
  });

  it('has certainly not arrived where nobody listens, no name is known, or TLS does not come up', async () => {
    const mute = createTcp((socket) => socket.end('no TLS here\r\n')).listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const { port } = mute.address() as AddressInfo;
    for (const target of ['http://127.0.0.1:9', 'http://no.such.host.invalid', `https://127.0.0.1:${port}`])
      assert.equal((await failureOf({ url: target, reach: 'private' })).began, false, target);
    mute.close();
  });
});

describe('An address of a private network', () => {
  const hosts = [
    '127.0.0.1',
    '0',
    '0x7f.1',
    '2130706433',
    '127.1',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::ffff:8.8.8.8]',
    '169.254.169.254',
    '10.1.2.3',
    '172.31.0.1',
    '192.168.0.1',
    '100.64.0.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '[fc00::1]',
    '[fd00:ec2::254]',
    '[fe80::1]',
    '[64:ff9b::a9fe:a9fe]',
    '[64:ff9b::10.0.0.1]',
    '[64:ff9b::1]',
    '[2002:7f00:1::]',
    'localhost',
    'localhost.',
  ];
  for (const host of hosts)
    it(`is not asked: ${host}`, async () => {
      const before = seen.length;
      const failure = await failureOf({ url: `http://${host}:${new URL(url).port}/x` });
      assert.equal(failure.began, false);
      assert.equal(seen.length, before);
    });

  it('is not asked by another scheme', async () => {
    for (const target of ['file:///etc/passwd', 'gopher://127.0.0.1/', 'ftp://127.0.0.1/', 'x', ''])
      assert.equal((await failureOf({ url: target, reach: 'private' })).began, false);
  });

  it('is asked only where the owner allows it, and never where machines keep their credentials', async () => {
    assert.equal(
      (await outbound({ url: `http://localhost:${new URL(url).port}/x`, reach: 'private' })).status,
      201,
    );
    for (const host of [
      '169.254.169.254',
      '[fe80::1]',
      '[fd00:ec2::254]',
      '[::ffff:169.254.169.254]',
      '[64:ff9b::a9fe:a9fe]',
    ])
      assert.equal((await failureOf({ url: `http://${host}/`, reach: 'private' })).began, false, host);
  });

  it('is told from a public one', () => {
    for (const address of [
      '8.8.8.8',
      '1.1.1.1',
      '2606:4700::1111',
      '2a00:1450:4001::1',
      '64:ff9b::808:808',
      '64:ff9b::8.8.8.8',
    ]) {
      assert.equal(isPublicAddress(address), true, address);
      assert.equal(isLinkLocal(address), false, address);
    }
    assert.equal(isPublicAddress('example.com'), false);
  });
});
