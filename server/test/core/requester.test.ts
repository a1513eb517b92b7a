import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { describeDevice } from '../../src/core/requester.ts';

const AGENTS: readonly (readonly [agent: string, what: string])[] = [
  [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36 Edg/129.0.2792.52',
    'Edge 129.0.2792.52, Windows 10.0, desktop',
  ],
  [
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15',
    'Safari 17.6, macOS 10.15.7, desktop',
  ],
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 17_6_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/128.0.6613.98 Mobile/15E148 Safari/604.1',
    'Chrome 128.0.6613.98, iPhone 17.6.1, mobile',
  ],
  [
    'Mozilla/5.0 (iPad; CPU OS 16_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.3 Mobile/15E148 Safari/604.1',
    'Safari 16.3, iPad 16.3, tablet',
  ],
  [
    'Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36',
    'Samsung Internet 25.0, Android 14, mobile',
  ],
  [
    'Mozilla/5.0 (Linux; Android 13; SM-X700) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36',
    'Chrome 128.0.0.0, Android 13, tablet',
  ],
  [
    'Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0',
    'Firefox 130.0, Linux , desktop',
  ],
  ['curl/8.5.0', 'unknown , unknown , other'],
  ['', 'unknown , unknown , other'],
];

describe('the device behind a session', () => {
  for (const [agent, what] of AGENTS)
    it(`is ${what} for ${agent.slice(0, 60) || 'a browser that says nothing'}`, () => {
      const { browser, browserVersion, os, osVersion, type } = describeDevice(agent, '');
      const [name, system] = [browser || 'unknown', os || 'unknown'];
      assert.equal(`${name} ${browserVersion}, ${system} ${osVersion}, ${type}`, what);
    });

  it('is made of names that we know and digits, whatever a browser says of itself', () => {
    const words = [
      'Windows NT ',
      'Mac OS X ',
      'Firefox/',
      'Version/',
      'Safari/',
      'iPhone',
      ' OS ',
      '1_2',
      '9.9.9.9.9',
      '<b>',
      '\n',
      ')',
    ];
    const agents = fc.array(fc.oneof(fc.constantFrom(...words), fc.string()), { maxLength: 30 });
    fc.assert(
      fc.property(agents, (parts) => {
        const { browser, browserVersion, os, osVersion } = describeDevice(parts.join(''), '');
        for (const name of [browser, os]) assert.match(name, /^[A-Za-z ]{0,20}$/);
        for (const version of [browserVersion, osVersion])
          assert.match(version, /^(\d{1,5}(\.\d{1,5}){0,3})?$/);
      }),
    );
  });
});
