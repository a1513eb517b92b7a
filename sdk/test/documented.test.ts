import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import * as sdk from '../src/index.ts';
import { root } from './support/consumer.ts';

const page = readFileSync(path.join(root, 'docs/reference/sdk.md'), 'utf8');
const sources = globSync('sdk/src/**/*.ts', { cwd: root }).map((file) =>
  readFileSync(path.join(root, file), 'utf8'),
);
const client = new sdk.PosternClient('https://id.example.com', 'skc_1', 'test_1');

const methodsOf = (value: object) =>
  Object.getOwnPropertyNames(Object.getPrototypeOf(value)).filter((name) => name !== 'constructor');

describe('the reference of the SDK', () => {
  it('has every method', () => {
    const parts = Object.entries(client).filter(
      (entry): entry is [string, object] => typeof entry[1] === 'object',
    );
    assert.equal(parts.length, 8);
    for (const name of methodsOf(client)) assert.match(page, new RegExp(`\`${name}\\(`), name);
    for (const [part, value] of parts)
      for (const name of methodsOf(value))
        assert.match(page, new RegExp(`\`(${part})?\\.${name}\\(`), `${part}.${name}`);
  });

  it('has every class of errors, and each code that is thrown here', () => {
    const thrown = sources.flatMap((text) => [
      ...text.matchAll(/new (?:Postern(?:Token|SignIn|Signature|Connection)Error)\(\s*'(\w+)'/g),
    ]);
    const codes = new Set(thrown.map(([, code]) => code ?? ''));
    assert.ok(codes.size > 25, String(codes.size));
    for (const code of codes) assert.ok(page.includes(`\`${code}\``), code);
    const classes = Object.keys(sdk).filter((name) => name.endsWith('Error'));
    for (const name of classes) assert.ok(page.includes(`\`${name}\``) || name === 'PosternError', name);
  });

  it('has every option of the client', () => {
    const [, options = ''] = /interface PosternOptions \{([\s\S]*?)\n\}/.exec(sources.join('\n')) ?? [];
    const names = [...options.matchAll(/readonly (\w+)\?/g)].map(([, name]) => name ?? '');
    assert.equal(names.length, 5);
    for (const name of names) assert.match(page, new RegExp(`^\\| \`${name}\` \\|`, 'm'), name);
  });
});
