import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { partNames } from '../../../src/mail/templates/finding.ts';
import { sampleData } from '../../../src/mail/templates/variables.ts';
import { errorsIn, rendered, withPart } from '../../support/templates.ts';

/** Other engines write their braces after it. */
const DOLLAR = '$';

const long = (times: number, piece: string) => piece.repeat(times);

/** Published ways to run code, read files or reach objects through a template, and to stop a server by one. */
const refused: Readonly<Record<string, readonly string[]>> = {
  'calculations and other languages between braces': [
    '{{7*7}}',
    "{{7*'7'}}",
    '{{ 7 + 7 }}',
    '{{ 1 | plus: 1 }}',
    '{{= 7*7 }}',
    '{{ "".__class__.__mro__[1].__subclasses__() }}',
    "{{ config.__class__.__init__.__globals__['os'].popen('id').read() }}",
    "{{ self._TemplateReference__context.cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ request|attr('application')|attr('__globals__') }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    '{{ _self.env.registerUndefinedFilterCallback("exec") }}{{ _self.env.getFilter("id") }}',
    "{{ ['id']|filter('system') }}",
    "{{ range.constructor(\"return global.process.mainModule.require('child_process').execSync('id')\")() }}",
    "{{ ''.getClass().forName('java.lang.Runtime').getRuntime().exec('id') }}",
    '{{#with "s" as |string|}}{{lookup string "constructor"}}{{/with}}',
    '{{{ code }}}',
    '{{> partial}}',
    '{{ .Env.SECRET }}',
    '{{ printf "%s" . }}',
    '{{ template "x" . }}',
    '{{ if user_name }}a{{ else }}b{{ end }}',
    '{% debug %}',
    '{% set x = 7 %}',
    '{% import "os" as o %}',
    '{% extends "base" %}',
    '{% macro a() %}{% endmacro %}',
    '{% autoescape false %}{{ code }}{% endautoescape %}',
    '{% load log %}',
  ],
  'the prototype, the constructor and everything inherited': [
    '{{ constructor }}',
    "{{ constructor.constructor('return process')() }}",
    '{{ code.constructor }}',
    '{{ code.constructor.constructor }}',
    '{{ code.__proto__ }}',
    '{{ __proto__.polluted }}',
    '{{ code.prototype }}',
    "{{ code['constructor'] }}",
    '{{ code["__proto__"]["toString"] }}',
    '{{ ["constructor"]["constructor"] }}',
    '{{ app[host] }}',
    '{{ app["name"] }}',
    '{{ toString }}',
    '{{ hasOwnProperty }}',
    '{{ code.toString }}',
    '{{ code.valueOf }}',
    '{{ valueOf }}',
    '{{ app }}',
    '{{ user }}',
    '{{ request }}',
    '{{ code.size }}',
    '{{ code.first }}',
    '{{ code.last }}',
    '{{ code.length }}',
    '{{ this }}',
    '{{ globalThis.process.env }}',
    '{{ process.env.POSTERN_SECRET }}',
    '{{ global }}',
    '{% if constructor %}x{% endif %}',
    '{% if code == __proto__ %}x{% endif %}',
    '{{ code | default: constructor }}',
    '{{ code | truncate: __proto__ }}',
    '{{ code | constructor }}',
    '{{ code | __proto__ }}',
    '{{ code | toString }}',
    '{{ code | hasOwnProperty: "a" }}',
  ],
  'files and other templates (CVE-2022-25948, CVE-2026-30952, CVE-2026-35525, CVE-2026-41311)': [
    "{% include '/etc/passwd' %}",
    "{% render '/etc/passwd' %}",
    "{% layout '/etc/passwd' %}",
    "{% include '../../../../etc/passwd' %}",
    '{% render "link.liquid" %}',
    '{% render "a", app: app %}',
    "{% include 'a' with code %}",
    '{% layout none %}{% block a %}{{ block.super }}{% endblock %}',
    "{% layout 'a' %}{% block a %}{% block a %}{% endblock %}{% endblock %}",
    "{% include '\\\\host\\share' %}",
    "{% section 'a' %}",
    "{% liquid include '/etc/passwd' %}",
    '{% liquid\nassign a = 1\necho a %}',
  ],
  'filters that run, sort, reach or grow (CVE-2026-45618, CVE-2026-55575, CVE-2026-39412, CVE-2026-45617, CVE-2026-45357)':
    [
      '{{ code | map: "constructor" }}',
      '{{ code | where: "constructor", "x" }}',
      '{{ code | where_exp: "item", "item.constructor" }}',
      '{{ code | find_exp: "a", "a.constructor" }}',
      '{{ code | group_by_exp: "a", "a" }}',
      '{{ code | has_exp: "a", "a" }}',
      '{{ code | reject_exp: "a", "a" }}',
      '{{ code | sort_natural: "__proto__" }}',
      '{{ code | sort: "constructor" }}',
      '{{ code | sum: "constructor" }}',
      '{{ code | json }}',
      '{{ code | inspect }}',
      '{{ code | jsonify }}',
      '{{ code | raw }}',
      '{{ code | pop }}',
      '{{ code | push: code }}',
      '{{ code | shift }}',
      '{{ code | replace: "4", "aaaaaaaa" }}',
      '{{ code | replace_first: "4", "$&$&$&" }}',
      '{{ code | replace_last: "4", "$`" }}',
      '{{ code | append: code | append: code }}',
      '{{ code | prepend: code }}',
      '{{ code | split: "" | join: "x" }}',
      '{{ code | concat: code }}',
      '{{ code | strip_html }}',
      '{{ code | newline_to_br }}',
      '{{ code | date: "%5000000d" }}',
      '{{ "now" | date: "%9999999Y" }}',
      '{{ code | times: 9999999999 }}',
      '{{ code | slice: 0, 999999999 }}',
      '{{ code | escape_once }}',
      '{{ code | url_decode }}',
      '{{ code | base64_decode }}',
      '{{ code | t }}',
    ],
  'loops, ranges and what keeps state (CVE-2026-44645)': [
    '{% for i in (1..10000000) %}{{ i }}{% endfor %}',
    '{%- for i in (1..100000000) -%}{%- endfor -%}',
    '{% tablerow i in (1..10000000) %}{% endtablerow %}',
    '{{ (1..100000000) }}',
    '{{ (1..100000000) | join: "" }}',
    '{% if (1..100000000) contains 5 %}x{% endif %}',
    '{% if (1..100000000).size %}x{% endif %}',
    '{% assign a = "x" %}',
    '{% capture a %}x{% endcapture %}',
    '{% increment a %}',
    '{% decrement a %}',
    '{% cycle "a", "b" %}',
    '{% case code %}{% when "a" %}x{% endcase %}',
    '{% unless code %}x{% endunless %}',
    '{% echo code %}',
    '{% break %}',
    '{% # a remark %}',
    long(9, '{% if code %}') + long(9, '{% endif %}'),
    long(1001, '{{ code }}'),
    long(500, '{% if code %}'),
    long(6000, '{% if a %}x'),
    `{{ ${long(9, 'code | ')} upcase }}`,
    `{{ code${long(9, ' | upcase')} }}`,
    `{% if ${long(40, 'code and ')} code %}x{% endif %}`,
    `{{ "${long(66_000, 'x')}" }}`,
    '{{ code',
    '{% if code %}',
    '{% raw %}{{ x',
    '{% comment %}{{ x',
    '{% endif %}',
    '{% else %}',
    'a\u0000b',
    'a\u001bb',
    'a\ud800b',
  ],
};

/** In milliseconds, and of this thread alone: other processes have the machine too. */
function processorTime(work: () => unknown): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

describe('a template that is written to attack', () => {
  for (const [what, sources] of Object.entries(refused))
    it(`is refused: ${what}`, () => {
      for (const part of partNames)
        for (const source of sources)
          assert.notDeepEqual(errorsIn(part, source), [], `${part}: ${source.slice(0, 80)}`);
    });

  it('is only text where it is written for another engine', () => {
    const foreign = [
      `${DOLLAR}{7*7}`,
      '#{7*7}',
      '*{7*7}',
      '@(7*7)',
      '[[7*7]]',
      `${DOLLAR}{T(java.lang.Runtime)}`,
      '$!{a}',
      '#set($a=1)',
      '{php}x{/php}',
      '%(a)s',
      '{0}',
      '~{a}',
      '[% a %]',
      `__${DOLLAR}{7*7}__::.x`,
    ];
    for (const source of foreign) {
      assert.deepEqual(errorsIn('subject', source), [], source);
      assert.equal(rendered(withPart('subject', source)).subject, source);
      assert.ok(rendered(withPart('text', `{{ code }} ${source}`)).text.includes(source), source);
    }
    for (const source of [
      '<%= 7*7 %>',
      '<#assign a=1>',
      '<?php echo 7*7 ?>',
      '<c:out value="a"/>',
      '<th:block/>',
    ])
      assert.notDeepEqual(errorsIn('html', source), [], source);
  });

  it('finds nothing of the server in a value that looks like a template', () => {
    const values = [
      '{{ code }}',
      '{% if code %}x{% endif %}',
      "{{ constructor.constructor('return process')() }}",
      `${DOLLAR}{7*7}`,
    ];
    for (const value of values) {
      const mail = rendered(withPart('text', '{{ code }}: {{ app.name }}'), { 'app.name': value });
      assert.equal(mail.text, `482913: ${value}\n`);
    }
  });

  it('is read no further than it is worth: no source takes 50 ms', () => {
    const pieces = [
      '{{',
      '{%',
      '{{ "',
      '<!--',
      '<',
      '</',
      '<a ',
      '<a b="',
      '{{ zork }}\n',
      '{% raw %}',
      '{% comment %}',
      '<style>',
      '<title>',
      '@ ',
      'url',
      '\\',
      '<![if',
      '<!doctype',
      '{{ a.',
      '[',
      '(',
      '|upcase',
      ' and code',
      '<!--[if mso]>',
      '&#',
      '\n',
      'é',
      '--',
      '=',
      '"',
    ];
    errorsIn('html', 'warm');
    for (const piece of pieces)
      for (const before of [
        '',
        '<a href="https://a/',
        '<p style="',
        '<style>',
        '<!--[if mso]>',
        '{{ code ',
        '{% if code ',
      ])
        for (const part of ['html', 'text'] as const) {
          const source = before + long(Math.floor(65_000 / piece.length), piece);
          const took = Math.min(...[1, 2, 3].map(() => processorTime(() => errorsIn(part, source))));
          assert.ok(took < 50, `${part} ${before}${piece}: ${took.toFixed()} ms`);
        }
  });

  it('gives at most 200 kB, whatever its filters do', () => {
    const bomb = `{{ "${long(9000, 'é%')}"${long(8, ' | url_encode')} }}`;
    assert.match(errorsIn('text', `{{ code }}${bomb}`)[0]?.message ?? '', /more than 200 kB/);
    const long1 = `{{ code | truncate: 1, "${long(60_000, 'x')}" }}`;
    assert.deepEqual(errorsIn('text', `{{ code }}${long1}`), []);
  });

  it('reaches no prototype that somebody has polluted', () => {
    const polluted: Record<string, unknown> = Object.prototype as never;
    polluted.zork = 'polluted';
    try {
      assert.notDeepEqual(errorsIn('text', '{{ zork }}'), []);
      assert.equal(sampleData('test').get('zork'), undefined);
    } finally {
      delete polluted.zork;
    }
  });
});
