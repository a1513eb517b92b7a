/**
 * What a template comes down to: four kinds of nodes over a flat table of texts. There is no object to
 * reach into, nothing to call and nothing to repeat, so what it gives is bounded by what it holds.
 */
export type Node = Literal | Output | Condition | Preheader;

export interface Literal {
  readonly kind: 'literal';
  readonly text: string;
  /** The offset of its first character in the source. */
  readonly at: number;
}

export interface Output {
  readonly kind: 'output';
  readonly value: Value;
  readonly at: number;
  readonly position: Position;
}

export interface Condition {
  readonly kind: 'condition';
  readonly branches: readonly Branch[];
  readonly at: number;
}

/** The hidden line after `<body>`. */
interface Preheader {
  readonly kind: 'preheader';
}

export interface Branch {
  /** Nothing for `else`. */
  readonly when: Value | undefined;
  readonly nodes: readonly Node[];
}

/** Where a value stands, which decides how it is escaped: plain text, HTML, a whole URL, or the rest of one. */
export type Position = 'text' | 'markup' | 'url' | 'url-rest';

export const operators = ['==', '!=', 'contains', 'and', 'or', 'not'] as const;
export type Operator = (typeof operators)[number];

/** Of the source, or nothing for `nil`, `blank` and `empty`. */
type Constant = string | number | boolean | undefined;

export type Term =
  | { readonly kind: 'constant'; readonly value: Constant }
  | { readonly kind: 'variable'; readonly name: string; readonly at: number }
  | { readonly kind: 'operator'; readonly operator: Operator };

/** Terms in postfix order, and what is done to their result. */
export interface Value {
  readonly terms: readonly Term[];
  readonly filters: readonly { readonly name: FilterName; readonly args: readonly Term[] }[];
}

/** The texts of the variables, by their own names; one that has none is left out. */
export type Data = ReadonlyMap<string, string>;

export function evaluate(value: Value, data: Data): Constant {
  const stack: Constant[] = [];
  for (const term of value.terms) {
    if (term.kind !== 'operator') stack.push(read(term, data));
    else if (term.operator === 'not') stack.push(!isTrue(stack.pop()));
    else {
      const right = stack.pop();
      stack.push(compare(term.operator, stack.pop(), right));
    }
  }
  const [first] = stack;
  return value.filters.reduce(
    (result: Constant, { name, args }) => filters[name].apply(result, ...args.map((arg) => read(arg, data))),
    first,
  );
}

/** Liquid calls empty texts true; here what is empty is what is not there. */
export function isTrue(value: Constant): boolean {
  return value !== undefined && value !== false && value !== '';
}

function read(term: Term, data: Data): Constant {
  if (term.kind === 'constant') return term.value === '' ? undefined : term.value;
  return term.kind === 'variable' ? data.get(term.name) || undefined : undefined;
}

function compare(operator: Exclude<Operator, 'not'>, left: Constant, right: Constant): boolean {
  switch (operator) {
    case '==':
      return textOf(left) === textOf(right);
    case '!=':
      return textOf(left) !== textOf(right);
    case 'contains':
      return textOf(right) !== '' && textOf(left).includes(textOf(right));
    case 'and':
      return isTrue(left) && isTrue(right);
    case 'or':
      return isTrue(left) || isTrue(right);
    default:
      return operator satisfies never;
  }
}

export function textOf(value: Constant): string {
  return value === undefined ? '' : String(value);
}

interface Filter {
  /** How many arguments it takes, at least and at most. */
  readonly takes: readonly [number, number];
  apply(value: Constant, ...args: Constant[]): Constant;
}

/** Escaping is done by position, so `escape` has nothing left to do. */
const table = {
  escape: { takes: [0, 0], apply: (value) => value },
  upcase: { takes: [0, 0], apply: (value) => textOf(value).toUpperCase() },
  downcase: { takes: [0, 0], apply: (value) => textOf(value).toLowerCase() },
  default: { takes: [1, 1], apply: (value, other) => (isTrue(value) ? value : other) },
  url_encode: { takes: [0, 0], apply: (value) => encodeURIComponent(textOf(value).toWellFormed()) },
  truncate: { takes: [0, 2], apply: (value, length = 50, end = '...') => truncated(value, length, end) },
} as const satisfies Record<string, Filter>;

export type FilterName = keyof typeof table;

/** All there are. */
export const filters: Readonly<Record<FilterName, Filter>> = table;

/** The length counts what stands for the rest, as Liquid's does. */
function truncated(value: Constant, length: Constant, end: Constant): string {
  const letters = [...textOf(value)];
  const most = Math.max(0, Math.floor(Number(length) || 0));
  const kept = Math.max(0, most - [...textOf(end)].length);
  return letters.length <= most ? letters.join('') : `${letters.slice(0, kept).join('')}${textOf(end)}`;
}
