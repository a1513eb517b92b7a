import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { drawing, hostileDrawings, png } from '../fixtures/pictures.ts';
import { json, newFolder, postern } from './command-lines.ts';

const data = newFolder();
const at = (...line: string[]) => [...line, '--data', data];

function file(name: string, content: string | Uint8Array): string {
  const path = join(data, name);
  writeFileSync(path, content);
  return path;
}

const logo = file('logo.svg', drawing);
const photo = file('photo.png', png(80, 40));
const script = file('script.svg', hostileDrawings['a script'] ?? '');
const make = at('client', 'create', '--name', 'Shop', '--redirect-uri', 'https://shop.example.com/cb');

async function refused(line: string[]): Promise<string> {
  const { code, err } = await postern(line);
  assert.notEqual(code, 0);
  return err;
}

describe('postern client brand', () => {
  it('changes what is named, and shows what there is', async () => {
    const { client_id: id } = await json([...make, '--colour', '#7A1F5C', '--logo', logo]);
    const shown = await json(at('client', 'show', id));
    assert.equal(shown.branding.colour, '#7a1f5c');
    assert.match(shown.branding.logo, /-120x40\.svg$/);
    const changed = await json(
      at('client', 'brand', id, '--name', 'Corner', '--colour-dark', 'ffe600', '--logo-dark', photo),
    );
    assert.deepEqual(changed, await json(at('client', 'show', id)));
    assert.equal(changed.name, 'Corner');
    assert.deepEqual([changed.branding.colour, changed.branding.colour_dark], ['#7a1f5c', '#ffe600']);
    assert.match(
      (await postern(at('client', 'show', id))).out,
      /Colour +#7a1f5c\n[\s\S]*Logo +[\da-f]{32}-120x40\.svg/,
    );
    const reset = await json(at('client', 'brand', id, '--reset'));
    assert.deepEqual([reset.name, reset.branding], ['Corner', {}]);
  });

  it('refuses a colour that cannot be read, with the nearest that can, and makes no client with it', async () => {
    const { client_id: id } = await json(make);
    const count = (await json(at('client', 'list'))).length;
    const words =
      /#ffe600 has a contrast of 1\.3 to 1 on white, too little to read; the nearest that works is #[\da-f]{6}\./;
    assert.match(await refused(at('client', 'brand', id, '--colour', '#ffe600')), words);
    assert.match(await refused([...make, '--colour', '#ffe600']), words);
    assert.match(await refused(at('client', 'brand', id, '--colour-dark', '#111')), /on the dark page/);
    assert.equal((await json(at('client', 'list'))).length, count);
    assert.deepEqual((await json(at('client', 'show', id))).branding, {});
  });

  it('refuses a drawing that could run, a file that is not there, and a line that changes nothing', async () => {
    const { client_id: id } = await json(make);
    assert.match(await refused(at('client', 'brand', id, '--logo', script)), /may not have <script>/);
    assert.match(
      await refused(at('client', 'brand', id, '--logo', `${logo}.gone`)),
      /There is no file .*\.gone to read/,
    );
    assert.match(await refused(at('client', 'brand', id)), /Nothing is to be changed/);
    assert.match(await refused(at('client', 'brand', 'skc_1', '--reset')), /There is no client skc_1/);
  });
});

describe('postern branding logo', () => {
  it('stores the picture and makes it the setting; an empty value takes it away', async () => {
    const set = await json(at('branding', 'logo', logo));
    assert.match(set['branding.logo'], /^[\da-f]{32}-120x40\.svg$/);
    const dark = await json(at('branding', 'logo', photo, '--dark'));
    const settings = await json(at('settings', 'get'));
    assert.equal(settings['branding.logo'], set['branding.logo']);
    assert.equal(settings['branding.logo_dark'], dark['branding.logo_dark']);
    await json(at('settings', 'set', 'branding.logo', ''));
    assert.equal((await json(at('settings', 'get', 'branding.logo')))['branding.logo'], '');
  });

  it('refuses every drawing that would run, load or hide something', async () => {
    for (const [name, source] of Object.entries(hostileDrawings))
      assert.match(
        await refused(at('branding', 'logo', file('hostile.svg', source))),
        /cannot be a logo/,
        name,
      );
    assert.equal((await json(at('settings', 'get', 'branding.logo')))['branding.logo'], '');
  });
});

describe('the settings of a brand', () => {
  it('take a colour that can be read, in one form, and refuse others with the nearest that can', async () => {
    await json(at('settings', 'set', 'branding.colour', '7A1F5C'));
    assert.equal((await json(at('settings', 'get', 'branding.colour')))['branding.colour'], '#7a1f5c');
    assert.match(
      await refused(at('settings', 'set', 'branding.colour', '#ffe600')),
      /nearest that works is #[\da-f]{6}/,
    );
    assert.match(
      await refused(at('settings', 'set', 'branding.colour_dark', '#222')),
      /on the dark page \(#161d1b\)/,
    );
    assert.match(
      await refused(at('settings', 'set', 'branding.logo', `${'a'.repeat(32)}-1x1.png`)),
      /no such logo/,
    );
    assert.equal((await json(at('settings', 'get', 'branding.colour')))['branding.colour'], '#7a1f5c');
  });
});
