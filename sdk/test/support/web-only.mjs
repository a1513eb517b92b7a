// Runs the built package in a context that has the web's names and no others: node --experimental-vm-modules.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import vm from 'node:vm';

const [folder = '', serverUrl = ''] = process.argv.slice(2);
const web = { fetch, crypto, URL, URLSearchParams, TextEncoder, TextDecoder, AbortController, AbortSignal };
const more = { Headers, Request, Response, atob, btoa, setTimeout, clearTimeout };
// The web's own objects make bytes of their realm; here that realm is another.
const bytes = { ArrayBuffer, DataView, Uint8Array, Uint32Array };
const context = vm.createContext({ ...web, ...more, ...bytes });

const modules = new Map();
const entries = { '@postern/node': '@postern/node/dist/esm/index.js', jose: 'jose/dist/webapi/index.js' };

function load(file) {
  const known = modules.get(file);
  if (known) return known;
  const made = new vm.SourceTextModule(readFileSync(file, 'utf8'), { context, identifier: file });
  modules.set(file, made);
  return made;
}

function resolve(specifier, from) {
  if (specifier.startsWith('.')) return load(path.resolve(path.dirname(from.identifier), specifier));
  const entry = entries[specifier];
  if (entry === undefined) throw new Error(`${from.identifier} wants ${specifier}`);
  return load(path.join(folder, 'node_modules', entry));
}

const program = new vm.SourceTextModule(
  `import { PosternClient } from '@postern/node';
  const client = new PosternClient(${JSON.stringify(serverUrl)}, 'skc_1', 'test_1');
  const { url } = client.beginSignIn('https://app.example.com/callback');
  const at = String(Math.floor(Date.now() / 1000));
  const headers = { 'webhook-id': 'a', 'webhook-timestamp': at };
  const key = await crypto.subtle.importKey('raw', new TextEncoder().encode('hi'), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const mac = new Uint8Array(await crypto.subtle.sign('HMAC', key, new TextEncoder().encode('a.' + at + '.{}')));
  headers['webhook-signature'] = 'v1,' + btoa(String.fromCharCode(...mac));
  const code = (failure) => failure.code;
  const encoded = (value) => btoa(JSON.stringify(value)).replaceAll('=', '');
  const forged = [encoded({ alg: 'RS256', kid: 'snk_1', typ: 'at+jwt' }), encoded({}), 'AAAA'].join('.');
  let refused;
  try { client.verifyWebhookPayload('whsec_aGk=', headers, '{ }'); } catch (failure) { refused = failure.code; }
  export const seen = {
    path: new URL(url).pathname,
    webhook: client.verifyWebhookPayload('whsec_aGk=', headers, '{}'),
    refused,
    token: await client.validateToken(forged).catch(code),
  };`,
  { context, identifier: path.join(folder, 'program.mjs') },
);
await program.link(resolve);
await program.evaluate();
process.stdout.write(JSON.stringify(program.namespace.seen));
