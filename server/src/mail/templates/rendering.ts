import type { PartName, TemplateFinding, TemplateParts } from './finding.ts';
import { partNames, placed } from './finding.ts';
import { type Data, evaluate, isTrue, type Node, type Output, textOf } from './plan.ts';
import { readPart } from './reading.ts';
import type { MailKind } from './variables.ts';

/** A template that can be rendered, as often as needed. */
export interface Template {
  readonly plans: Readonly<Record<PartName, readonly Node[]>>;
}

/** What a mail says. */
export interface MailText {
  readonly subject: string;
  readonly preheader: string;
  readonly text: string;
  readonly html: string;
}

/** Why a template gave no mail. */
export class RenderFailure extends Error {
  readonly part: PartName;

  constructor(part: PartName, message: string) {
    super(message);
    this.part = part;
  }
}

const OUTPUT_MAX = 200 * 1024;
const SUBJECT_MAX = 255;

/** Reads all parts, which is most of a check. There is a template when there is no error. */
export function readTemplate(
  parts: TemplateParts,
  kind: MailKind,
): { template: Template | undefined; findings: TemplateFinding[] } {
  const read = {
    subject: readPart(parts.subject, 'subject', kind),
    preheader: readPart(parts.preheader, 'preheader', kind),
    html: readPart(parts.html, 'html', kind),
    text: readPart(parts.text, 'text', kind),
  };
  const findings = partNames.flatMap((part) => placed(part, parts[part], read[part].remarks));
  const { subject, preheader, html, text } = read;
  const plans = { subject: subject.nodes, preheader: preheader.nodes, html: html.nodes, text: text.nodes };
  return {
    template: findings.some(({ severity }) => severity === 'error') ? undefined : { plans },
    findings,
  };
}

/** Fills a template in. Throws `RenderFailure` when what comes out is no mail: too long, or without a subject. */
export function renderTemplate({ plans }: Template, data: Data): MailText {
  const safe = new Map([...data].map(([name, text]) => [name, onOneLine(text)]));
  const render = (part: PartName, preheader = '') => new Rendering(part, safe, preheader).render(plans[part]);
  const subject = onOneLine(render('subject')).trim();
  const preheader = onOneLine(render('preheader')).trim();
  if (subject === '') throw new RenderFailure('subject', 'the template gives no subject');
  return {
    subject: shortened(subject),
    preheader,
    text: `${render('text').trimEnd()}\n`,
    html: render('html', preheader === '' ? '' : hidden(preheader)),
  };
}

class Rendering {
  readonly #part: PartName;
  readonly #data: Data;
  readonly #preheader: string;
  #length = 0;

  constructor(part: PartName, data: Data, preheader: string) {
    this.#part = part;
    this.#data = data;
    this.#preheader = preheader;
  }

  render(nodes: readonly Node[]): string {
    let text = '';
    for (const node of nodes) text += this.#node(node);
    return text;
  }

  #node(node: Node): string {
    if (node.kind === 'condition') {
      const chosen = node.branches.find(
        ({ when }) => when === undefined || isTrue(evaluate(when, this.#data)),
      );
      return chosen ? this.render(chosen.nodes) : '';
    }
    const text =
      node.kind === 'literal' ? node.text : node.kind === 'output' ? this.#output(node) : this.#preheader;
    this.#length += text.length;
    if (this.#length > OUTPUT_MAX) throw new RenderFailure(this.#part, 'the template gives more than 200 kB');
    return text;
  }

  #output({ value, position }: Output): string {
    const text = printable(textOf(evaluate(value, this.#data)));
    switch (position) {
      case 'text':
        return text;
      case 'markup':
        return escapeMarkup(text);
      case 'url':
        return escapeMarkup(ourAddress(text));
      case 'url-rest':
        return escapeMarkup(value.filters.at(-1)?.name === 'url_encode' ? text : encodeURIComponent(text));
      default:
        return position satisfies never;
    }
  }
}

/**
 * Where there is none, as with a logo that nobody set, the address stays empty. A link may lead to an app by
 * a scheme of its own; never by one that carries what it opens.
 */
function ourAddress(url: string): string {
  const isAddress = /^[a-z][a-z0-9+.-]*:\/[^\s"'<>\\]+$/.test(url);
  if (url === '' || (isAddress && !/^(?:javascript|vbscript|data|blob|file):/.test(url))) return url;
  throw new RenderFailure('html', 'an address of ours is none');
}

const REFERENCES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
  '=': '&#61;',
};

/** For text and for values in quotes alike. */
function escapeMarkup(text: string): string {
  return text.replace(/[&<>"'`=]/g, (sign) => REFERENCES[sign] ?? '');
}

/** A text in quotes can hold any sign by its number; a mail cannot. */
function printable(text: string): string {
  return text.toWellFormed().replace(/[^\P{Cc}\t\n]/gu, ' ');
}

/** Values and subjects are one line, whatever somebody chose as a name. */
function onOneLine(text: string): string {
  return text.toWellFormed().replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ');
}

function shortened(subject: string): string {
  const letters = [...subject];
  return letters.length <= SUBJECT_MAX ? subject : `${letters.slice(0, SUBJECT_MAX - 1).join('')}…`;
}

function hidden(preheader: string): string {
  return `<div style="display:none;max-height:0;overflow:hidden;mso-hide:all">${escapeMarkup(preheader)}</div>`;
}
