import type { PartName, TemplateFinding, TemplateParts } from './finding.ts';
import type { Data, Node, Term } from './plan.ts';
import { RenderFailure, readTemplate, renderTemplate, type Template } from './rendering.ts';
import { type MailKind, sampleData, vocabulary } from './variables.ts';

/** Gmail cuts a mail off at 102 kB. */
const HTML_MAX = 100 * 1024;
const HTML_AIM = 15 * 1024;

const NEEDED: readonly (readonly [PartName, string])[] = [
  ['subject', 'a mail needs a subject'],
  ['html', 'a mail needs an HTML part'],
  ['text', 'a mail needs a text part: some programs and many people read only that'],
];

/** All that stands in the way of a template, and all that its author should know. */
export function checkTemplate(parts: TemplateParts, kind: MailKind): TemplateFinding[] {
  const { template, findings } = readTemplate(parts, kind);
  const missing = NEEDED.filter(([part]) => parts[part].trim() === '').map(([part, message]) =>
    remark('error', part, message),
  );
  if (!template || missing.length > 0) return [...missing, ...findings];
  return [...missing, ...findings, ...proofFindings(template, kind), ...outcomeFindings(template, kind)];
}

function remark(severity: 'error' | 'warning', part: PartName, message: string): TemplateFinding {
  return { severity, part, line: 1, column: 1, message };
}

/** A mail that proves an address is no use without what proves it, in either part. */
function proofFindings(template: Template, kind: MailKind): TemplateFinding[] {
  const proofs = ['code', 'link'].filter((name) => vocabulary(kind).has(name));
  if (proofs.length === 0) return [];
  const inPart = (part: PartName) => {
    const used = namesIn(template.plans[part]);
    const there = proofs.filter((name) => used.has(name));
    const wanted = proofs.map((name) => `{{ ${name} }}`);
    if (there.length === 0) return [remark('error', part, `this part has no ${wanted.join(' and no ')}`)];
    const absent = proofs.filter((name) => !used.has(name));
    return absent.map((name) => remark('warning', part, `this part has no {{ ${name} }}`));
  };
  const clickable = outputsIn(template.plans.html).some(
    ({ position, value }) => position === 'url' && value.terms.some((term) => isNamed(term, 'link')),
  );
  const unclickable = proofs.includes('link') && namesIn(template.plans.html).has('link') && !clickable;
  const link = unclickable
    ? [remark('warning', 'html', 'nobody can click {{ link }}: write <a href="{{ link }}">')]
    : [];
  return [...inPart('html'), ...inPart('text'), ...link];
}

function outcomeFindings(template: Template, kind: MailKind): TemplateFinding[] {
  const data = sampleData(kind);
  try {
    return sizeFindings(template, data);
  } catch (failure) {
    if (failure instanceof RenderFailure) return [remark('error', failure.part, failure.message)];
    throw failure;
  }
}

function sizeFindings(template: Template, data: Data): TemplateFinding[] {
  const bytes = Buffer.byteLength(renderTemplate(template, data).html);
  const size = `the HTML part has ${Math.ceil(bytes / 1024)} kB`;
  if (bytes > HTML_MAX) return [remark('error', 'html', `${size}; mail programs cut it off at 100 kB`)];
  return bytes > HTML_AIM ? [remark('warning', 'html', `${size}; 15 kB are enough for a mail`)] : [];
}

type OutputNode = Extract<Node, { kind: 'output' }>;

function outputsIn(nodes: readonly Node[]): OutputNode[] {
  return nodes.flatMap((node) => {
    if (node.kind === 'condition') return node.branches.flatMap((branch) => outputsIn(branch.nodes));
    return node.kind === 'output' ? [node] : [];
  });
}

/** The variables whose text is shown somewhere. */
function namesIn(nodes: readonly Node[]): Set<string> {
  const terms = outputsIn(nodes).flatMap(({ value }) => value.terms);
  return new Set(terms.flatMap((term) => (term.kind === 'variable' ? [term.name] : [])));
}

function isNamed(term: Term, name: string): boolean {
  return term.kind === 'variable' && term.name === name;
}
