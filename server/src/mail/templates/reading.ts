import type { Value as LiquidValue, TagToken, Template } from 'liquidjs';
import type { PartName, Remark, Report } from './finding.ts';
import { Markup } from './markup.ts';
import type { Branch, Literal, Node, Output, Position } from './plan.ts';
import { allowedTags, parseLiquid, pieceOf } from './syntax.ts';
import { filterFault, readValue } from './values.ts';
import { type Known, type MailKind, vocabulary } from './variables.ts';

/** Conditions in conditions. */
const DEPTH_MAX = 8;

/** More would only cost time: the first few say it all. */
const REMARKS_MAX = 200;

/** A part of a template that may be rendered, or why it may not. */
export interface ReadPart {
  readonly nodes: readonly Node[];
  readonly remarks: readonly Remark[];
}

/** Reads one part of a template. It is usable when no remark is an error. */
export function readPart(source: string, part: PartName, kind: MailKind): ReadPart {
  const remarks: Remark[] = [];
  const report: Report = (at, message, nearest) => {
    if (remarks.length < REMARKS_MAX) remarks.push({ severity: 'error', at, message, nearest });
  };
  const warn: Report = (at, message) => {
    if (remarks.length < REMARKS_MAX) remarks.push({ severity: 'warning', at, message });
  };
  const odd = source.search(/[^\P{Cc}\t\n\r]|\p{Cs}/u);
  if (odd >= 0) report(odd, 'a control character cannot stand here');
  const parsed = parseLiquid(source);
  if ('fault' in parsed) {
    report(parsed.at, syntaxFault(parsed.fault));
    return { nodes: [], remarks };
  }
  const markup = part === 'html' ? new Markup(report, warn) : undefined;
  const reader = new Reader({ words: vocabulary(kind), report, markup });
  const nodes = reader.nodes(parsed.templates, 0);
  markup?.end(source.length);
  return { nodes: markup && !reader.hasBody ? [{ kind: 'preheader' }, ...nodes] : nodes, remarks };
}

/** The parser's words, with what to do. */
function syntaxFault(fault: string): string {
  const tag = /^tag "(.*)" not found$/s.exec(fault)?.[1];
  const filter = /^undefined filter: (.*)$/s.exec(fault)?.[1];
  if (tag !== undefined)
    return `there is no tag ${tag.slice(0, 40)} here; there are ${allowedTags.join(', ')}`;
  if (filter !== undefined) return filterFault(filter);
  return fault.length > 160 ? `${fault.slice(0, 159)}…` : fault;
}

interface Given {
  readonly words: ReadonlyMap<string, Known>;
  readonly report: Report;
  readonly markup: Markup | undefined;
}

class Reader {
  readonly #given: Given;
  hasBody = false;

  constructor(given: Given) {
    this.#given = given;
  }

  nodes(templates: readonly Template[], depth: number): Node[] {
    return templates.flatMap((template): Node[] => {
      const piece = pieceOf(template);
      switch (piece.kind) {
        case 'literal':
          return this.#literal(piece.content.text, piece.content.at);
        case 'output':
          return this.#output(piece.output.value, piece.output.token.begin);
        case 'if':
          return this.#condition(piece.tag, depth + 1);
        case 'nothing':
          return [];
        case 'other':
          this.#given.report(template.token.begin, `${piece.text.slice(0, 40)} cannot be used`);
          return [];
        default:
          return piece satisfies never;
      }
    });
  }

  #literal(text: string, at: number): Node[] {
    const body = this.#given.markup?.literal(text, at);
    const whole: Literal = { kind: 'literal', text, at };
    if (body === undefined || this.hasBody) return text === '' ? [] : [whole];
    this.hasBody = true;
    const [before, after] = [text.slice(0, body), text.slice(body)];
    return [
      { ...whole, text: before },
      { kind: 'preheader' },
      { kind: 'literal', text: after, at: at + body },
    ];
  }

  #output(liquid: LiquidValue, at: number): Output[] {
    const value = readValue(liquid, at, this.#given);
    const [first, ...others] = value?.terms ?? [];
    const isOurs =
      value?.filters.every(({ name }) => name === 'escape') === true &&
      others.length === 0 &&
      first?.kind === 'variable' &&
      this.#given.words.get(first.name)?.isUrl === true;
    const { markup } = this.#given;
    const position: Position | undefined = markup ? markup.output(at, isOurs) : 'text';
    return value && position ? [{ kind: 'output', value, at, position }] : [];
  }

  #condition({ branches, elseTemplates, token }: ConditionTag, depth: number): Node[] {
    const { report, markup } = this.#given;
    const at = token.begin;
    if (depth > DEPTH_MAX) report(at, `conditions can be nested ${DEPTH_MAX} deep`);
    if (markup && !markup.mayBranch)
      report(at, 'a condition cannot stand here: put it around whole elements, or into the text of a value');
    if (depth > DEPTH_MAX || (markup && !markup.mayBranch)) return [];
    const read = ({ value, templates }: { value?: LiquidValue; templates: readonly Template[] }): Branch => ({
      when: value && readValue(value, at, this.#given),
      nodes: this.#branch(templates, at, depth),
    });
    const otherwise = elseTemplates ? [read({ templates: elseTemplates })] : [];
    return [{ kind: 'condition', branches: [...branches.map(read), ...otherwise], at }];
  }

  #branch(templates: readonly Template[], at: number, depth: number): Node[] {
    const { report, markup } = this.#given;
    const place = markup?.place;
    const nodes = this.nodes(templates, depth);
    if (markup && place && !markup.isAt(place)) {
      report(at, 'a condition must end in the place where it began: in the text, or in the same value');
      markup.restore(place);
    }
    return nodes;
  }
}

interface ConditionTag {
  readonly branches: readonly { readonly value: LiquidValue; readonly templates: readonly Template[] }[];
  readonly elseTemplates: readonly Template[] | undefined;
  readonly token: TagToken;
}
