import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { json, newFolder, postern } from './command-lines.ts';

describe('postern client update', () => {
  const data = newFolder();
  let id = '';

  before(async () => {
    const uris = [
      '--redirect-uri',
      'https://shop.example.com/cb',
      '--back-channel-uri',
      'https://shop.example.com/out',
    ];
    const more = ['--no-api', '--first-party', '--access-token-seconds', '120', '--data', data];
    id = (await json(['client', 'create', '--name', 'Shop', ...uris, ...more])).client_id;
  });

  const update = (...flags: string[]) => json(['client', 'update', id, ...flags, '--data', data]);

  it('shows what create was told', async () => {
    const { code, out } = await postern(['client', 'show', id, '--data', data]);
    assert.equal(code, 0);
    assert.match(out, /Back-channel URI +https:\/\/shop\.example\.com\/out/);
    assert.match(out, /Access token +120 seconds/);
    assert.match(out, /API +no access/);
    assert.match(out, /first party/);
  });

  it('changes what is given, and leaves the rest', async () => {
    const changed = await update('--name', 'Store', '--api');
    assert.deepEqual([changed.name, changed.api_access, changed.first_party], ['Store', true, true]);
    assert.deepEqual(changed.back_channel_logout_uris, ['https://shop.example.com/out']);
    assert.equal(changed.access_token_seconds, 120);
    assert.deepEqual(await json(['client', 'show', id, '--data', data]), changed);
  });

  it('takes away with an empty URI, a zero, and the word no', async () => {
    const bare = await update('--back-channel-uri', '', '--access-token-seconds', '0', '--no-first-party');
    assert.deepEqual(bare.back_channel_logout_uris, []);
    assert.equal(bare.access_token_seconds, undefined);
    assert.equal(bare.first_party, false);
  });

  const wrong: [flags: string[], words: RegExp][] = [
    [[], /Nothing is to be changed/],
    [['--api', '--no-api'], /both given/],
    [['--access-token-seconds', '5'], /60 to 86400 seconds/],
    [['--redirect-uri', ''], /at least one redirect URI/],
    [['--back-channel-uri', 'ftp://x.example.com/'], /scheme ftp/],
  ];
  for (const [flags, words] of wrong) {
    it(`refuses ${flags.join(' ') || 'no flag at all'}`, async () => {
      const { code, err } = await postern(['client', 'update', id, ...flags, '--data', data]);
      assert.notEqual(code, 0);
      assert.match(err, words);
    });
  }

  it('refuses the API to a public app', async () => {
    const line = ['client', 'create', '--name', 'Phone', '--redirect-uri', 'com.example.app:/cb', '--public'];
    const { err } = await postern([...line, '--api', '--data', data]);
    assert.match(err, /no API access/);
    const made = await json([...line, '--data', data]);
    const shown = await json(['client', 'show', made.client_id, '--data', data]);
    assert.deepEqual([shown.kind, shown.api_access, shown.secrets], ['NTV', false, []]);
  });
});
