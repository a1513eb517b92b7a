import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkTemplate } from '../../../src/mail/templates/check.ts';
import { mailKinds, sampleData, variables, vocabulary } from '../../../src/mail/templates/variables.ts';
import { hostileStrings } from '../../support/hostile-strings.ts';
import { errorsIn, good, goodHtml, LINK, rendered, structureOf, withPart } from '../../support/templates.ts';

const messages = (html: string) =>
  errorsIn('html', html)
    .map(({ message }) => message)
    .join('; ');
const around = (piece: string) => `<p>{{ code }} <a href="{{ link }}">x</a></p>${piece}`;

describe('a template without fault', () => {
  it('is found to be without fault', () => {
    assert.deepEqual(checkTemplate(good, 'sign_in_both'), []);
  });

  it('becomes a mail with all its values, escaped where they stand', () => {
    const mail = rendered(good, { 'app.name': `Bäcker & "Söhne"`, 'user.email': 'a+b&c@acme.com' });
    assert.equal(mail.subject, '482913 is your Bäcker & "Söhne" code');
    assert.equal(mail.preheader, 'Bäcker & "Söhne": works for 10 minutes');
    assert.ok(mail.text.includes('Bäcker & "Söhne" <Firefox>'));
    assert.ok(mail.html.includes('<title>Bäcker &amp; &quot;Söhne&quot;</title>'));
    assert.ok(mail.html.includes(`<a href="${LINK}">${LINK}</a>`));
    assert.ok(
      mail.html.includes('who=a%2Bb%26c%40acme.com&amp;app=B%C3%A4cker%20%26%20%22S%C3%B6hne%22#B%C3%A4cker'),
    );
    assert.match(
      mail.html,
      /<body[^>]*><div style="display:none[^>]*>Bäcker &amp; &quot;Söhne&quot;: works for 10 minutes<\/div>/,
    );
  });

  it('keeps its structure whatever the values hold', () => {
    const benign = structureOf(rendered(good).html);
    assert.ok(benign.length > 30);
    for (const value of hostileStrings) {
      const mail = rendered(good, {
        'app.name': value,
        host: value,
        'user.email': value,
        'request.ip': value,
      });
      assert.deepEqual(structureOf(mail.html), benign, value);
      assert.equal(mail.subject.split(/[\r\n]/).length, 1);
    }
  });

  it('does without what is not known', () => {
    const mail = rendered(good, { 'request.ip': '', 'app.logo_url': '' });
    assert.ok(!mail.html.includes('<img'));
    assert.ok(mail.html.includes('<p title="Acme">'));
  });
});

describe('what is between braces', () => {
  it('is a name of the table, in any of its spellings', () => {
    for (const kind of mailKinds)
      for (const [word, { name }] of vocabulary(kind)) {
        const parts = withPart('text', `{{ code }}{{ ${word} }}`);
        const wanted = sampleData('sign_in_both').get(name);
        if (vocabulary('sign_in_both').has(word))
          assert.equal(rendered(parts).text, `482913${wanted}\n`, word);
      }
    assert.ok(Object.keys(variables).length >= 16);
  });

  it('covers what templates of other products say', () => {
    const scalekit = ['app_name', 'app_logo_url', 'user_email', 'link', 'otp', 'expiry_time_relative'];
    const auth0 = ['application.name', 'code', 'link', 'request_language', 'user.email', 'email'];
    for (const word of [...scalekit, ...auth0])
      assert.deepEqual(errorsIn('text', `{{ code }}{{ ${word} }}`), [], word);
  });

  it('may be a name of the app, escaped like every other, and empty where the app says nothing', () => {
    const html = `<p title="{{ custom.team }}">{{ custom.team }} {{ code }} <a href="{{ link }}">x</a></p>`;
    const said = rendered(withPart('html', html), { 'custom.team': '"><b>Blue' }).html;
    assert.deepEqual(structureOf(said), structureOf(rendered(withPart('html', html), {}).html));
    assert.ok(!said.includes('<b>'));
    assert.match(rendered(withPart('html', html), {}).html, /<p title=""> 482913/);
    for (const word of ['custom', 'custom.', 'custom.a.b', 'custom.1', 'custom.constructor.x', 'customs.a'])
      assert.equal(errorsIn('text', `{{ code }}{{ ${word} }}`).length, 1, word);
    assert.ok(
      errorsIn('html', `{{ code }}<a href="{{ custom.url }}">x</a>`).length > 0,
      'never a whole link',
    );
  });

  it('is told apart by line and column, with the name that was meant', () => {
    const found = errorsIn('text', '{{ code }}\n\n  Hello {{ user.emial }},\n{{ app.nmae | upcase }}');
    assert.deepEqual(
      found.map(({ line, column, nearest }) => ({ line, column, nearest })),
      [
        { line: 3, column: 12, nearest: 'user.email' },
        { line: 4, column: 4, nearest: 'app.name' },
      ],
    );
    assert.deepEqual(errorsIn('html', `${goodHtml}\n{{ cod }}`)[0]?.line, goodHtml.split('\n').length + 1);
  });

  it('belongs to the kind of mail', () => {
    assert.match(
      errorsIn('text', '{{ link }}{{ code }}', 'sign_in_code')[0]?.message ?? '',
      /has no link; sign_in_link, sign_in_both/,
    );
    assert.match(errorsIn('text', '{{ expires_in }}', 'disowned')[0]?.message ?? '', /no expires_in/);
  });

  it('compares, joins and negates as Liquid does', () => {
    const chosen = (test: string) =>
      rendered(withPart('text', `{{ code }}{% if ${test} %}yes{% else %}no{% endif %}`)).text.slice(6, -1);
    const table: Record<string, string> = {
      code: 'yes',
      'app.name == "Acme"': 'yes',
      'app.name != "Acme"': 'no',
      'app.name contains "cm"': 'yes',
      'app.name contains "zz" or locale == "en"': 'yes',
      'app.name == "x" and code or code': 'no',
      'not code': 'no',
      'not request.ip == "x"': 'yes',
      'expires_minutes == 10': 'yes',
      'request.country == blank': 'no',
      'request.country == nil': 'no',
      true: 'yes',
      false: 'no',
    };
    assert.deepEqual(Object.fromEntries(Object.keys(table).map((test) => [test, chosen(test)])), table);
  });

  it('is changed by six filters', () => {
    const shown = (output: string, values = {}) =>
      rendered(withPart('text', `{{ code }}${output}`), values).text.slice(6, -1);
    assert.equal(shown('{{ app.name | upcase }}'), 'ACME');
    assert.equal(shown('{{ app.name | downcase | escape }}'), 'acme');
    assert.equal(shown('{{ app.name | truncate: 3 }}'), '...');
    assert.equal(shown('{{ app.name | truncate: 3, "…" }}'), 'Ac…');
    assert.equal(
      shown('{{ request.country | default: "somewhere" }}', { 'request.country': '' }),
      'somewhere',
    );
    assert.equal(shown('{{ request.country | default: host }}', { 'request.country': '' }), 'id.example.com');
    assert.equal(shown('{{ user.email | url_encode }}'), 'ada%40example.com');
    assert.equal(
      shown('{%- raw %}{{ code }}{% endraw %}{% comment %}{{ zork }}{% endcomment %}'),
      '{{ code }}',
    );
  });

  it('nests eight deep and no deeper', () => {
    const nested = (depth: number) =>
      `{{ code }}${'{% if code %}'.repeat(depth)}x${'{% endif %}'.repeat(depth)}`;
    assert.deepEqual(errorsIn('text', nested(8)), []);
    assert.match(errorsIn('text', nested(9))[0]?.message ?? '', /8 deep/);
  });
});

describe('the HTML of a template', () => {
  const refused: Readonly<Record<string, RegExp>> = {
    '<script>x</script>': /cannot hold <script>/,
    '<form action="https://a.b/">': /cannot hold <form>/,
    '<iframe src="https://a.b/">': /<iframe>/,
    '<object>': /<object>/,
    '<embed>': /<embed>/,
    '<base href="https://a.b/">': /<base>/,
    '<link rel="stylesheet" href="https://a.b/">': /<link>/,
    '<svg>': /<svg>/,
    '<input>': /<input>/,
    '<meta http-equiv="refresh" content="0;url=https://a.b/">': /http-equiv="refresh"/,
    '<p onclick="x">': /onclick/,
    '<img src="https://a.b/x.png" onerror=x>': /onerror/,
    '<img srcset="https://a.b/x.png 1x">': /srcset/,
    '<a href="javascript:alert(1)">': /href must be/,
    '<a href="JaVaScRiPt:alert(1)">': /href must be/,
    '<a href=" java&#115;cript:alert(1)">': /href must be/,
    '<a href="data:text/html,x">': /href must be/,
    '<a href="http://a.b/">': /href must be/,
    '<a href="//a.b/">': /href must be/,
    '<a href="https:\\\\a.b/">': /href must be/,
    '<img src="data:image/png;base64,xx">': /src must be/,
    '<img src="cid:logo">': /src must be/,
    '<td background="javascript:x">': /background must be/,
    '<style>@import "https://a.b/x.css";</style>': /@import/,
    '<style>@IMPORT/**/"x";</style>': /@import/,
    '<style>p{background:url(https://a.b/x)}</style>': /url\(\)/,
    '<style>p{background:\\75 rl(https://a.b/x)}</style>': /url\(\)/,
    '<p style="background:url(https://a.b/x)">': /url\(\)/,
    '<p style="background:u&#114;l&#40;x)">': /url\(\)/,
    '<p style="width:expression(alert(1))">': /expression/,
    '<p style="color:{{ app.name }}">': /no value can stand in style/,
    '<style>p{color:{{ app.name }}}</style>': /no value can stand in a style/,
    '<p class={{ app.name }}>': /outside quotes/,
    '<p {{ app.name }}="x">': /outside quotes/,
    '<{{ app.name }}>': /&lt;/,
    '<!-- {{ app.name }} -->': /comment is not closed/,
    '<a href="{{ app.name }}">': /begins with https/,
    '<a href="{{ link | upcase }}">': /begins with https/,
    '<a href="{{ link }}&x={{ app.name }}">': /stands alone/,
    '<a href="https://{{ app.name }}.acme.com/">': /after https/,
    '<a href="https://acme.com{{ app.name }}">': /after https/,
    '<p title="x': /not closed/,
    '<style>p{}': /<style> is not closed/,
    '<!--[if mso]><p>x</p>': /\[if …\]> is not closed/,
    '<!--[if mso]><!-- x --><![endif]-->': /no comment inside/,
    '<!--[if mso]><p>{{ app.name }}></p><![endif]-->': /&gt;/,
    '<title>a <b>{{ app.name }}</b></title>': /only text/,
    '<p title="{% if code %}">{% endif %}x</p>': /end in the place where it began/,
    '<a href="{% if code %}https://a.b/{% endif %}">': /cannot stand here/,
    'a < b': /&lt;/,
  };
  for (const [html, why] of Object.entries(refused))
    it(`is refused with ${html.slice(0, 60)}`, () => assert.match(messages(around(html)), why));

  it('may hold what mails are made of', () => {
    const pieces = [
      '<a href="mailto:help@acme.com">x</a>',
      '<a href="#top" target=_blank>x</a>',
      '<table width="100%" cellpadding=0 bgcolor=#fff><tr><td nowrap align=center>x</td></tr></table>',
      '<style type="text/css">@media (prefers-color-scheme:dark){.a > b{color:#fff!important}}</style>',
      '<meta http-equiv="Content-Type" content="text/html; charset=utf-8">',
      '<!--[if (gte mso 9)|(IE)]><table><tr><td><![endif]-->x<!--[if (gte mso 9)|(IE)]></td></tr></table><![endif]-->',
      '<!-- a remark > with -- signs -->',
      '<p title="{% if code %}a{% else %}b{% endif %}">x</p>',
      '<br/><hr /><img src="{{ app.logo_url }}" alt="">',
      '<a href="https://acme.com/?q={{ app.name }}">x</a>',
    ];
    for (const piece of pieces) assert.equal(messages(around(piece)), '', piece);
  });
});

describe('a template that could be better', () => {
  const found = (parts: Partial<typeof good>, kind: (typeof mailKinds)[number] = 'sign_in_both') =>
    checkTemplate({ ...good, ...parts }, kind).map(
      ({ severity, part, message }) => `${severity} ${part}: ${message}`,
    );

  it('is not saved without subject, HTML, text part, or anything that proves the address', () => {
    assert.match(found({ text: ' ' }).join(), /error text: a mail needs a text part/);
    assert.match(found({ html: '' }).join(), /error html: a mail needs an HTML part/);
    assert.match(found({ subject: '' }).join(), /error subject: a mail needs a subject/);
    assert.match(
      found({ text: 'Hello' }).join(),
      /error text: this part has no \{\{ code \}\} and no \{\{ link \}\}/,
    );
    assert.deepEqual(found({ text: 'Hello', html: '<p>x</p>', subject: 'x', preheader: '' }, 'test'), []);
  });

  it('is saved with a warning where only half of it is there, or the link cannot be clicked', () => {
    assert.deepEqual(found({ text: '{{ code }}' }), ['warning text: this part has no {{ link }}']);
    assert.match(found({ html: '<p>{{ code }} {{ link }}</p>' }).join(), /warning html: nobody can click/);
    assert.match(
      found({ html: around('<img src="https://a.b/x.png" alt="">') }).join(),
      /warning html: a picture from elsewhere/,
    );
  });

  it('is warned of from 15 kB on, and refused from 100 kB and from 64 kB of source on', () => {
    assert.match(found({ html: around('x'.repeat(16_000)) }).join(), /warning html: the HTML part has 16 kB/);
    const once = '{{ "x" | truncate: 1, "y" }}';
    assert.match(
      found({ html: around(`{{ "${'é%'.repeat(5000)}"${' | url_encode'.repeat(4)} }}${once}`) }).join(),
      /error html: .*(?:100 kB|200 kB)/,
    );
    assert.match(
      found({ html: around('x'.repeat(66_000)) }).join(),
      /error html: this part is larger than 64 kB/,
    );
  });
});
