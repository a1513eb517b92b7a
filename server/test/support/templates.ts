import { checkTemplate } from '../../src/mail/templates/check.ts';
import type { PartName, TemplateParts } from '../../src/mail/templates/finding.ts';
import { readTemplate, renderTemplate } from '../../src/mail/templates/rendering.ts';
import { type MailKind, sampleData } from '../../src/mail/templates/variables.ts';

export const LINK = 'https://id.example.com/l/q8Zk3vX0b2NfT7yLr1CwAg';

/** A template without fault, of every position that a value can take. */
export const goodHtml = `<!doctype html>
<html lang="{{ locale }}" dir="{{ dir }}">
<head><meta charset="utf-8"><title>{{ app.name }}</title>
<style>.act{color:#0d5a49} @media (max-width:480px){td > p{margin:0}}</style></head>
<body style="margin:0" class='{{ app.name }}'>
<!--[if mso]><table><tr><td><v:roundrect href="{{ link }}" style="height:40px"><center>{{ app.name }}</center></v:roundrect></td></tr></table><![endif]-->
<!--[if !mso]><!-->
{% if app.logo_url %}<img src="{{ app.logo_url }}" alt="{{ app.name }}" width=120>{% endif %}
<p title="{% if request.ip %}{{ request.ip }}{% else %}{{ app.name | default: host }}{% endif %}">{{ code }}, {{ app.name | upcase }}</p>
<a href="{{ link }}">{{ link }}</a> <a href="{{ not_me_link }}">no</a>
<a href="https://acme.com/help?who={{ user.email }}&amp;app={{ app.name | url_encode }}#{{ app.name }}">help</a>
<!--<![endif]-->
</body></html>`;

export const good: TemplateParts = {
  subject: '{{ code }} is your {{ app.name | truncate: 20 }} code',
  preheader: '{{ app.name }}: works for {{ expires_in }}',
  html: goodHtml,
  text: 'Your code is {{ code }}.\n{{ link }}\n{{ app.name }} <{{ request.browser }}>\n',
};

export const withPart = (part: PartName, source: string): TemplateParts => ({ ...good, [part]: source });

/** What is wrong with one part of an otherwise good template. */
export function errorsIn(part: PartName, source: string, kind: MailKind = 'sign_in_both') {
  return checkTemplate(withPart(part, source), kind).filter(
    (finding) => finding.part === part && finding.severity === 'error',
  );
}

/** The mail of a template with sample values, some of them others. */
export function rendered(
  parts: TemplateParts,
  values: Record<string, string> = {},
  kind: MailKind = 'sign_in_both',
) {
  const { template, findings } = readTemplate(parts, kind);
  if (!template) throw new Error(JSON.stringify(findings));
  return renderTemplate(template, new Map([...sampleData(kind), ...Object.entries(values)]));
}

/** Its tags with the names of their attributes: all that a value must never change. */
export function structureOf(html: string): string[] {
  const tags =
    html
      .replace(/<style>[\s\S]*?<\/style>/g, '<style>')
      .match(/<(?:!--|\/?[a-z!])(?:"[^"]*"|'[^']*'|[^>"'])*>/gi) ?? [];
  return tags.map((tag) => tag.replace(/=(?:"[^"]*"|'[^']*'|[^\s>]+)/g, '='));
}
