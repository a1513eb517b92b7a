import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mailKinds, vocabulary } from '../../src/mail/templates/variables.ts';
import { languages, wordsFor } from '../../src/platform/words/words.ts';
import { defaultMail, type MailFacts, templateData } from '../../src/sign-in/mailing/writing.ts';
import { hostileStrings } from '../support/hostile-strings.ts';
import { structureOf } from '../support/templates.ts';

const ORIGIN = 'https://id.acme.com';
type Kind = (typeof mailKinds)[number];

function factsOf(kind: Kind, rest: Partial<MailFacts> = {}): MailFacts {
  const known = vocabulary(kind);
  return {
    words: wordsFor('en'),
    appName: 'Acme',
    host: 'id.acme.com',
    origin: ORIGIN,
    validMs: 600_000,
    requestedAt: Date.UTC(2026, 10, 22, 14, 32),
    requester: { browser: 'Chrome', os: 'macOS', ip: '203.0.113.7', country: 'DE' },
    email: 'ana@example.com',
    ...(known.has('code') && { code: '482913' }),
    ...(known.has('link') && { link: `${ORIGIN}/l/q8Zk3vX0b2NfT7yLr1CwAg` }),
    ...(known.has('not_me_link') && { notMe: `${ORIGIN}/not-me/q8Zk3vX0b2NfT7yLr1CwAg` }),
    ...rest,
  };
}

describe('the default mail of every kind', () => {
  for (const kind of mailKinds)
    it(`${kind}: says what it must, in 15 kB at most, in every language`, () => {
      for (const { lang } of languages) {
        const facts = factsOf(kind, {
          words: wordsFor(lang),
          appName: 'A rather long name of an app, that is',
        });
        const { subject, preheader, text, html } = defaultMail(kind, facts);
        assert.ok(Buffer.byteLength(html) <= 15_000, `${lang}: ${html.length}`);
        assert.ok(html.includes(`<html lang="${lang}" dir="${facts.words.dir}"`));
        for (const proof of [facts.code, facts.link, facts.notMe])
          if (proof !== undefined) assert.ok(text.includes(proof), `${lang} lacks ${proof}`);
        for (const part of [subject, preheader, text, html])
          assert.doesNotMatch(part, /\{\w+\}|undefined/, lang);
        assert.doesNotMatch(html, /<img|https?:\/\/(?!id\.acme\.com\/)/, 'nothing is loaded from anywhere');
        assert.doesNotMatch(html, /[^\n\x20-\x7e]/);
      }
    });

  it('keeps its structure whatever the app is called', () => {
    for (const kind of mailKinds) {
      const benign = structureOf(defaultMail(kind, factsOf(kind)).html);
      for (const appName of hostileStrings)
        assert.deepEqual(
          structureOf(defaultMail(kind, factsOf(kind, { appName })).html),
          benign,
          `${kind} ${appName}`,
        );
    }
  });

  it('takes nothing from a stranger that templates could repeat', () => {
    const requester = { browser: 'x\r\nBcc: eve', os: 'https://evil.example', ip: '<b>', country: 'XX' };
    const data = templateData(
      'sign_in_both',
      factsOf('sign_in_both', { requester, appName: 'Visit evil.example' }),
    );
    assert.equal(data.get('app.name'), 'Visit evil\u2024example');
    assert.equal(data.get('request.browser'), 'x Bcc: eve');
    assert.equal(data.get('request.ip'), undefined);
    assert.doesNotMatch(data.get('request.os') ?? '', /:\/\//);
    assert.deepEqual([...templateData('test', factsOf('test')).keys()].toSorted(), [
      'app.name',
      'dir',
      'host',
      'locale',
      'user.email',
    ]);
  });
});
