import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ensureBrowser, systemBrowsers } from './ensure-browser.mjs';
import { missingPackages, refuseOldNode, SetupError } from './ensure-installed.mjs';

describe('an installation is complete', () => {
  const lock = {
    packages: {
      '': { name: 'root' },
      server: { version: '0.1.0' },
      'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
      'node_modules/b-linux': { version: '1.0.0', optional: true, os: ['linux'], cpu: ['x64'] },
      'node_modules/b-darwin': { version: '1.0.0', optional: true, os: ['darwin'] },
      'node_modules/b-not-windows': { version: '1.0.0', optional: true, os: ['!win32'] },
    },
  };
  const found = (...places: string[]) => ({
    packages: Object.fromEntries(Object.entries(lock.packages).filter(([place]) => places.includes(place))),
  });
  const missing = (installed: object) => missingPackages({ lock, installed, platform: 'linux', arch: 'x64' });
  const complete = ['node_modules/a', 'node_modules/b-linux', 'node_modules/b-not-windows'];

  it('with every package of this platform, and without those of others', () => {
    assert.deepEqual(missing(found(...complete)), []);
  });

  it('not without a package that this platform needs', () => {
    assert.deepEqual(missing(found('node_modules/a')), [
      'node_modules/b-linux',
      'node_modules/b-not-windows',
    ]);
    assert.deepEqual(missing({}), complete);
  });

  it('not with another version or other contents of a package', () => {
    const installed = found(...complete);
    const other = { version: '1.0.0', integrity: 'sha512-other' };
    assert.deepEqual(missing({ packages: { ...installed.packages, 'node_modules/a': other } }), [
      'node_modules/a',
    ]);
  });
});

describe('the tools refuse', () => {
  it('a Node that is too old, and no other', () => {
    for (const version of ['18.20.0', '20.18.3', '19.9.0'])
      assert.throws(() => refuseOldNode(version), SetupError);
    for (const version of ['20.19.0', '22.0.0', '26.10.0']) assert.doesNotThrow(() => refuseOldNode(version));
  });

  it('a named browser that does not start', async () => {
    await assert.rejects(ensureBrowser({ env: { POSTERN_TEST_BROWSER: '/nowhere/chromium' } }), SetupError);
  });
});

it('browsers are looked for where each system keeps them', () => {
  assert.ok(systemBrowsers({ PATH: '/opt/own' }, 'linux').includes('/opt/own/chromium'));
  assert.ok(systemBrowsers({}, 'linux').includes('/usr/bin/google-chrome'));
  assert.ok(
    systemBrowsers({}, 'darwin').includes('/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'),
  );
  assert.ok(
    systemBrowsers({ PROGRAMFILES: 'C:\\Program Files' }, 'win32').includes(
      'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
    ),
  );
});
