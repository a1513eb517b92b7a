import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as requestHttp1 } from 'node:http';
import { connect } from 'node:http2';
import { BlockList } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { Problem } from '../../src/core/problems.ts';
import { admit } from '../../src/platform/http/front-door.ts';
import { type Listening, listen } from '../../src/platform/http/listen.ts';

/** A public address with no port in it, as real ones are. */
const origin = new URL('https://id.example.com');

let server: Listening;
before(async () => {
  server = await listen(
    (request, response) => {
      try {
        admit(request, { origin, proxies: new BlockList() });
        const names = [request.headers.host, request.headers[':authority']].filter(Boolean);
        response.end(names.join(' '));
      } catch (failure) {
        response.writeHead(failure instanceof Problem ? failure.status : 500).end();
      }
    },
    { host: '127.0.0.1', port: 0, origin },
  );
});
after(() => server.close());

async function overHttp1(host: string): Promise<string> {
  const request = requestHttp1({ port: server.port, host: '127.0.0.1', headers: { host } }).end();
  const [response] = await once(request, 'response');
  const body = (await response.toArray()).join('');
  return response.statusCode === 200 ? body : String(response.statusCode);
}

async function overHttp2(authority: string): Promise<string> {
  const session = connect(`http://127.0.0.1:${server.port}`);
  const stream = session.request({ ':authority': authority });
  const [headers] = await once(stream, 'response');
  const body = (await stream.toArray()).join('');
  session.close();
  return headers[':status'] === 200 ? body : String(headers[':status']);
}

describe('the front door of an origin without a port', () => {
  for (const host of ['id.example.com', 'ID.Example.com', 'id.example.com:443'])
    it(`takes ${host}, and says the origin's name`, async () => {
      assert.equal(await overHttp1(host), 'id.example.com');
      assert.equal(await overHttp2(host), 'id.example.com id.example.com');
    });

  for (const host of [
    'id.example.com:80',
    'id.example.com:8443',
    'id.example.com:',
    'id.example.com:0443',
    'id.example.com:443:443',
    'evil.example:443',
  ])
    it(`refuses ${host}`, async () => {
      assert.equal(await overHttp1(host), '421');
      assert.equal(await overHttp2(host), '421');
    });
});
