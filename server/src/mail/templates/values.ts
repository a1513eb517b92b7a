import { type Value as LiquidValue, type Token, TypeGuards } from 'liquidjs';
import { nearest } from '../../core/nearest.ts';
import type { Report } from './finding.ts';
import { type FilterName, filters, type Operator, operators, type Term, type Value } from './plan.ts';
import { isCustom, type Known, kindsKnowing } from './variables.ts';

const { isLiteralToken, isNumberToken, isOperatorToken, isPropertyAccessToken, isQuotedToken, isWordToken } =
  TypeGuards;

/** A chain longer than this is a mistake. */
const TERMS_MAX = 32;
const FILTERS_MAX = 8;

/** What values are read with. */
export interface Reading {
  readonly words: ReadonlyMap<string, Known>;
  readonly report: Report;
}

/** The plan of what stands between braces; undefined, and reported, where it is more than a template may do. */
export function readValue(value: LiquidValue, at: number, reading: Reading): Value | undefined {
  const { postfix } = value.initial;
  const terms = postfix.slice(0, TERMS_MAX + 1).map((token) => termOf(token, reading));
  const called = value.filters.slice(0, FILTERS_MAX + 1).map((filter) => filterOf(filter, at, reading));
  const hasOwnFault = terms.some((term, at) => term === undefined && !isPropertyAccessToken(postfix[at]));
  if (!hasOwnFault && !isWellFormed(terms)) return refuse(reading, at, wrongShape(postfix));
  if (terms.length > TERMS_MAX || called.length > FILTERS_MAX)
    return refuse(reading, at, `at most ${TERMS_MAX} values and ${FILTERS_MAX} filters can stand together`);
  const known = terms.filter((term) => term !== undefined);
  const applied = called.filter((filter) => filter !== undefined);
  return known.length === terms.length && applied.length === called.length
    ? { terms: known, filters: applied }
    : undefined;
}

function refuse(reading: Reading, at: number, message: string): undefined {
  reading.report(at, message);
}

/** Each operator finds its operands, and one value is left. An unreadable term still counts as one. */
function isWellFormed(terms: readonly (Term | undefined)[]): boolean {
  let depth = 0;
  for (const term of terms) {
    const takes = term?.kind !== 'operator' ? 0 : term.operator === 'not' ? 1 : 2;
    if (depth < takes) return false;
    depth += 1 - takes;
  }
  return depth === 1;
}

function wrongShape(postfix: readonly Token[]): string {
  const first = postfix[0]?.getText() ?? '';
  if (/^(if|else|end|range|block|include|yield)$/.test(first))
    return `{{ ${first} … }} is not known here: conditions are {% if … %}, {% else %} and {% endif %}`;
  return 'one value belongs here, such as {{ app.name }}, or a comparison in {% if … %}';
}

function termOf(token: Token, reading: Reading): Term | undefined {
  if (isOperatorToken(token)) return operatorOf(token.operator, token, reading);
  if (isLiteralToken(token))
    return { kind: 'constant', value: typeof token.content === 'boolean' ? token.content : undefined };
  if (isQuotedToken(token) || isNumberToken(token)) return { kind: 'constant', value: token.content };
  if (isPropertyAccessToken(token) && token.variable === undefined && token.props.every(isWordToken))
    return variableOf(
      token.props.map((prop) => (isWordToken(prop) ? prop.content : '')).join('.'),
      token,
      reading,
    );
  return refuse(
    reading,
    token.begin,
    `${shown(token.getText())} cannot be used: there are names with dots, texts in quotes and numbers; no brackets, no ranges`,
  );
}

function operatorOf(name: string, token: Token, reading: Reading): Term | undefined {
  const operator: Operator | undefined = operators.find((one) => one === name);
  if (operator) return { kind: 'operator', operator };
  return refuse(reading, token.begin, `${name} cannot be used; there are ${operators.join(', ')}`);
}

function variableOf(word: string, token: Token, { words, report }: Reading): Term | undefined {
  const known = words.get(word);
  if (known) return { kind: 'variable', name: known.name, at: token.begin };
  if (isCustom(word)) return { kind: 'variable', name: word, at: token.begin };
  const elsewhere = kindsKnowing(word);
  const meant = nearest(word, [...words.keys()]);
  const message =
    elsewhere.length > 0
      ? `this kind of mail has no ${word}; ${elsewhere.slice(0, 3).join(', ')} ${elsewhere.length === 1 ? 'has' : 'have'} it`
      : `there is no variable ${shown(word)}`;
  report(token.begin, message, elsewhere.length > 0 ? undefined : meant);
  return undefined;
}

type LiquidFilter = LiquidValue['filters'][number];

function filterOf(
  filter: LiquidFilter,
  at: number,
  reading: Reading,
): { name: FilterName; args: Term[] } | undefined {
  const name = filterNameOf(filter.name);
  if (name === undefined) return refuse(reading, at, filterFault(filter.name));
  if (filter.args.some(Array.isArray)) return refuse(reading, at, `${name} takes no named values`);
  const args = filter.args.slice(0, 4).map((arg) => (Array.isArray(arg) ? undefined : termOf(arg, reading)));
  const known = args.filter((arg) => arg !== undefined);
  const [least, most] = filters[name].takes;
  if (filter.args.length < least || filter.args.length > most)
    return refuse(
      reading,
      at,
      `${name} takes ${least === most ? least : `${least} to ${most}`} values after the colon`,
    );
  return known.length === args.length ? { name, args: known } : undefined;
}

export function filterNameOf(name: string): FilterName | undefined {
  return Object.hasOwn(filters, name) ? (name as FilterName) : undefined;
}

export function filterFault(name: string): string {
  return `there is no filter ${shown(name)}; there are ${Object.keys(filters).join(', ')}`;
}

function shown(text: string): string {
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}
