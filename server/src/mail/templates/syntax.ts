import {
  CommentTag,
  IfTag,
  Liquid,
  LiquidError,
  Output,
  Tag,
  type TagToken,
  type Template,
  type TopLevelToken,
  TypeGuards,
} from 'liquidjs';
import { filters } from './plan.ts';

const { isHTMLToken, isTagToken } = TypeGuards;

/** A piece of text that stands for itself. */
export interface Text {
  readonly text: string;
  readonly at: number;
}

/** `{% raw %}`: what is between it and its end stands for itself, braces included. */
class RawTag extends Tag {
  readonly content: Text;

  constructor(token: TagToken, rest: TopLevelToken[], liquid: Liquid) {
    super(token, rest, liquid);
    let content: Text = { text: '', at: token.end };
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) {
      if (isTagToken(next) && next.name === 'endraw') break;
      content = { text: next.getText(), at: next.begin };
    }
    this.content = content;
  }

  render(): string {
    return ''; // nothing of ours is ever rendered by the library
  }
}

/** What templates can do, in words for whoever wrote something else. */
export const allowedTags = ['if', 'elsif', 'else', 'endif', 'comment', 'endcomment', 'raw', 'endraw'];

const SOURCE_MAX = 64 * 1024;

/** Values and tags of one part: a mail has a few dozen. */
const BRACES_MAX = 1000;

const engine = parser();

/** The parser alone: no tags but ours, no filters but names of ours, and nowhere to read a file from. */
function parser(): Liquid {
  const liquid = new Liquid({
    strictFilters: true,
    strictVariables: true,
    ownPropertyOnly: true,
    relativeReference: false,
    dynamicPartials: false,
    templates: {},
    parseLimit: SOURCE_MAX,
  });
  for (const name of Object.keys(liquid.tags)) delete liquid.tags[name];
  for (const name of Object.keys(liquid.filters)) liquid.unregisterFilter(name);
  liquid.registerTag('if', IfTag);
  liquid.registerTag('comment', CommentTag);
  liquid.registerTag('raw', RawTag);
  for (const name of Object.keys(filters)) liquid.registerFilter(name, (value: unknown) => value);
  return liquid;
}

export type Parsed =
  | { readonly templates: readonly Template[] }
  | { readonly fault: string; readonly at: number };

/** Reads Liquid, and only reads it. */
export function parseLiquid(source: string): Parsed {
  if (Buffer.byteLength(source) > SOURCE_MAX)
    return { fault: 'this part is larger than 64 kB', at: SOURCE_MAX };
  if ((source.match(/\{[{%]/g)?.length ?? 0) > BRACES_MAX)
    return { fault: `this part has more than ${BRACES_MAX} values and tags`, at: 0 };
  try {
    return { templates: engine.parse(source) };
  } catch (failure) {
    if (failure instanceof RangeError) return { fault: 'conditions are nested too deeply', at: 0 };
    if (!LiquidError.is(failure)) throw failure;
    return { fault: failure.message.replace(/, line:\d+, col:\d+$/, ''), at: failure.token.begin };
  }
}

/** What a parsed piece is, as far as templates may hold it. */
export type Piece =
  | { readonly kind: 'literal'; readonly content: Text }
  | { readonly kind: 'output'; readonly output: Output }
  | { readonly kind: 'if'; readonly tag: IfTag }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'other'; readonly text: string };

export function pieceOf(template: Template): Piece {
  const { token } = template;
  if (template instanceof Output) return { kind: 'output', output: template };
  if (template instanceof IfTag) return { kind: 'if', tag: template };
  if (template instanceof RawTag) return { kind: 'literal', content: template.content };
  if (template instanceof CommentTag) return { kind: 'nothing' };
  if (isHTMLToken(token))
    return { kind: 'literal', content: { text: token.getContent(), at: token.begin + token.trimLeft } };
  return { kind: 'other', text: token.getText() };
}
