import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { checkTemplate } from '../../../src/mail/templates/check.ts';
import { partNames } from '../../../src/mail/templates/finding.ts';
import { type MailText, readTemplate, renderTemplate } from '../../../src/mail/templates/rendering.ts';
import { mailKinds, sampleData, variables } from '../../../src/mail/templates/variables.ts';
import { structureOf } from '../../support/templates.ts';

const RUNS = Number(process.env.POSTERN_TEST_TEMPLATE_RUNS ?? 20_000);

const names = [
  ...Object.keys(variables),
  'application.name',
  'otp',
  'email',
  'zork',
  'constructor',
  '__proto__',
  'code.constructor',
  'app["name"]',
  'app',
  '(1..9)',
];
const chains = [
  '',
  ' | escape',
  ' | upcase',
  ' | downcase',
  ' | truncate: 3',
  ' | truncate: 9, "<b>"',
  ' | url_encode',
  ' | default: host',
  ' | default: "<i>"',
  ' | map: "x"',
  ' | json',
];
const output = fc
  .tuple(fc.constantFrom(...names), fc.constantFrom(...chains), fc.constantFrom('', '-'))
  .map(([name, chain, dash]) => `{{${dash} ${name}${chain} ${dash}}}`);
const condition = fc.constantFrom(
  'code',
  'request.ip',
  'app.logo_url and code',
  'not link',
  'app.name == "zork"',
  'zork',
  'code contains "zork" or dir',
  'a.b',
  '1',
  'code > 3',
);
const tags = fc.oneof(
  condition.map((test) => `{% if ${test} %}`),
  condition.map((test) => `{% elsif ${test} %}`),
  fc.constantFrom(
    '{% else %}',
    '{% endif %}',
    '{% endif %}',
    '{%- endif -%}',
    '{% raw %}',
    '{% endraw %}',
    '{% comment %}',
    '{% endcomment %}',
    '{% for a in b %}',
    '{% include "a" %}',
    '{% assign a = code %}',
    '{{',
    '}}',
    '{%',
    '%}',
  ),
);
const markup = fc.constantFrom(
  '<p>',
  '</p>',
  '<p title="',
  "<p title='",
  '<a href="',
  '<a href="https://acme.com/?',
  '<a href="https://acme.com',
  '<img src="',
  '<td style="',
  '<td width=',
  '"',
  "'",
  '>',
  '<',
  '/>',
  ' ',
  '=',
  ' class="x"',
  '</a>',
  '<style>',
  '</style>',
  '<title>',
  '</title>',
  '<!--',
  '-->',
  '--!>',
  '--',
  '<!-->',
  '<!--[if mso]>',
  '<![endif]-->',
  '<!--[if !mso]><!-->',
  '<!--<![endif]-->',
  '<script>',
  '</script>',
  '<svg>',
  '<br/',
  '<body>',
  '<body class="',
  '&',
  '&#',
  '&lt;',
  'javascript:',
  'https://',
  'url(',
  '\\',
  '`',
  '\n',
  'text',
  '<A HREF="',
  '<v:rect href="',
  '<![if x]>',
  '<!doctype html>',
  'on',
  'load="',
  'x',
);
const whole = fc.constantFrom(
  '<a href="{{ link }}">x</a>',
  '<p title="{{ app.name }}">{{ code }}</p>',
  '{% if code %}<b>{{ app.name }}</b>{% endif %}',
  '<!--[if mso]><td>{{ app.name }}</td><![endif]-->',
  "<p class='{{ host }}'>",
  '<title>{{ app.name }}</title>',
  '{% raw %}{{ x }}{% endraw %}',
);
/** Each is a hole where it is let through. */
const holes = fc.constantFrom(
  '<p {{ app.name }}>',
  '<p title={{ app.name }}>',
  '<{{ app.name }}>',
  '</{{ app.name }}>',
  '<p{{ app.name }}>',
  '<a href="{{ app.name }}">',
  '<a href="https://a.b{{ app.name }}">',
  '<a href="https://{{ app.name }}/">',
  '<a href="{{ link }}{{ app.name }}">',
  '<td style="{{ app.name }}">',
  '<style>{{ app.name }}</style>',
  '<!-- {{ app.name }} -->',
  '<!--[if mso]><p>{{ app.name }}> --></p><![endif]-->',
  '<!--[if mso]><p title="{{ app.name }}>">x</p><![endif]-->',
  '<!--[if mso]><p>{{ app.name }}></p><![endif]-->',
  '<p {% if code %}title="{{ app.name }}"{% endif %}>',
  '<p title="{% if code %}">{{ app.name }}<p title="{% endif %}">',
  '<title><p title="</title>{{ app.name }}">',
);
const source = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: whole },
      { weight: 3, arbitrary: output },
      { weight: 2, arbitrary: holes },
      { weight: 2, arbitrary: tags },
      { weight: 3, arbitrary: markup },
      { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 5 }) },
    ),
    { maxLength: 7 },
  )
  .map((pieces) => pieces.join(''));
/** Mostly one that is read, so that the HTML beside it is. */
const text = fc.oneof(
  { weight: 3, arbitrary: fc.constant('{{ app.name }}') },
  { weight: 1, arbitrary: source },
);
const hostile = fc
  .array(
    fc.constantFrom(
      '<script>',
      '</p>',
      '"',
      "'",
      '>',
      '<',
      '-->',
      '--',
      '{{ code }}',
      '{% if %}',
      '&',
      '&#60;',
      'javascript:',
      '\\',
      '`',
      '=',
      ' ',
      '\n',
      '\u0000',
      '\ud800',
      '\u202e',
      'é',
      'x',
      ']]>',
      '</title>',
      '</style>',
      '%3C',
      '$&',
    ),
    { minLength: 1, maxLength: 6 },
  )
  .map((pieces) => `h${pieces.join('')}`);

/** Signs that mark the ends of things in markup. */
function marks(html: string): string[] {
  return [...'<>"\''].map((sign) => `${sign}${html.split(sign).length}`);
}

/** What all programs but Outlook see. */
function uncommented(html: string): string {
  return html.replace(/<!--(?:-?>|[\s\S]*?--!?>)/g, '<!-->');
}

/** Where its addresses lead. */
function hosts(html: string): string[] {
  return [...html.matchAll(/\s(?:href|src)=(["'])(.*?)\1/gis)].map(
    ([, , url = '']) => URL.parse(url)?.host ?? url,
  );
}

describe('whatever a template says', () => {
  it(`is refused or becomes a mail whose values are text: ${RUNS} cases`, { timeout: 3_600_000 }, () => {
    let used = 0;
    let slowest = 0;
    const property = fc.property(
      fc.tuple(source, text),
      hostile,
      fc.constantFrom(...mailKinds),
      ([html, words], value, kind) => {
        const parts = { subject: `s ${words}`, preheader: words, html, text: words };
        const before = process.threadCpuUsage();
        checkTemplate(parts, kind);
        const { template } = readTemplate(parts, kind);
        const mails = template
          ? [renderTemplate(template, sampleData(kind)), renderTemplate(template, attacked(kind, value))]
          : [];
        const { user, system } = process.threadCpuUsage(before);
        slowest = Math.max(slowest, (user + system) / 1000);
        const [benign, attackedMail] = mails;
        if (!benign || !attackedMail) return;
        used += 1;
        judge(parts.html, benign, attackedMail);
      },
    );
    fc.assert(property, { numRuns: RUNS });
    assert.ok(used > RUNS / 10, `only ${used} of ${RUNS} sources were templates`);
    assert.ok(slowest < 50, `${slowest.toFixed()} ms`);
  });
});

/** Every variable that is no address of ours holds what somebody else has written. */
function attacked(kind: (typeof mailKinds)[number], value: string): Map<string, string> {
  return new Map([...sampleData(kind)].map(([name, text]) => [name, /link|_url/.test(name) ? text : value]));
}

function judge(source_: string, benign: MailText, mail: MailText): void {
  assert.deepEqual(structureOf(mail.html), structureOf(benign.html));
  assert.deepEqual(structureOf(uncommented(mail.html)), structureOf(uncommented(benign.html)));
  assert.deepEqual(marks(mail.html), marks(benign.html));
  assert.deepEqual(hosts(mail.html), hosts(benign.html));
  assert.doesNotMatch(mail.subject, /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u);
  for (const part of partNames) {
    assert.ok(mail[part].isWellFormed());
    assert.doesNotMatch(mail[part], /\[object|native code|function\s*\(/);
  }
  if (!/<script/i.test(source_)) assert.doesNotMatch(mail.html, /<script/i);
}
