import type { Report } from './finding.ts';
import {
  attributeFault,
  elementFault,
  isAddress,
  leadsSomewhere,
  styleFault,
  valueFault,
} from './markup-rules.ts';
import type { Position } from './plan.ts';

/** Where the reading of the HTML is. */
export interface Place {
  readonly mode: 'text' | 'tag' | 'value' | 'style' | 'title';
  readonly element: string;
  readonly attribute: string;
  readonly quote: string;
  /** Inside `<!--[if mso]>`, which is a comment to all but Outlook: no `-->` may come about there. */
  readonly outlookOnly: boolean;
}

/** What a value or a style sheet holds so far. */
interface Collected {
  readonly at: number;
  text: string;
  outputs: number;
  /** It is one of our addresses, and nothing else. */
  isOurs: boolean;
}

const START: Place = { mode: 'text', element: '', attribute: '', quote: '', outlookOnly: false };

/** In one address. */
const OUTPUTS_MAX = 8;

const COMMENT = /<!--(?:-?>|[\s\S]*?--!?>)/y;
const OUTLOOK_BEGINS = /<!--\[if [^\]<>-]{1,100}\]>(?!<!-->)/y;
const OUTLOOK_ENDS = /<!\[endif\]-->/y;
const OUTLOOK_MARK = /<!\[(?:if [^\]<>-]{1,100}|endif)\]>/y;
const DOCTYPE = /<!doctype[^<>]{0,300}>/iy;
const END_TAG = /<\/([a-z][a-z0-9:]*)\s*>/iy;
const START_TAG = /<([a-z][a-z0-9:]*)(?=[\s/>])/iy;
const SPACE = /[\s/]+/y;
const ATTRIBUTE = /([^\s"'<>/=]+)(?:\s*=\s*(?:(["'])|([\w#%.:/+-]*[\w#%.:/+])(?=[\s>])))?/y;

/**
 * Reads the HTML of a template piece by piece, as mail programs will, and says for each value in it where it
 * stands. What it cannot place for certain it reports: a template with a report is never rendered.
 */
export class Markup {
  readonly #report: Report;
  readonly #warn: Report;
  #place = START;
  #collected: Collected = { at: 0, text: '', outputs: 0, isOurs: false };

  constructor(report: Report, warn: Report) {
    this.#report = report;
    this.#warn = warn;
  }

  get place(): Readonly<Place> {
    return this.#place;
  }

  /** Goes back to where a condition began, for its next branch. */
  restore(place: Place): void {
    this.#place = place;
  }

  /** Whether it is where it was: a condition ends in the place where it began. */
  isAt(place: Place): boolean {
    const now = this.#place;
    const same = (name: keyof Place) => now[name] === place[name];
    return same('mode') && same('element') && same('attribute') && same('quote') && same('outlookOnly');
  }

  /** Whether a condition may stand here: beside elements, or in a value that is only text. */
  get mayBranch(): boolean {
    const { mode, attribute } = this.#place;
    return mode === 'text' || mode === 'title' || (mode === 'value' && isPlain(attribute));
  }

  /** Takes a piece of the source. Gives the offset in it after `<body>`, where that ends in it. */
  literal(text: string, at: number): number | undefined {
    let body: number | undefined;
    let offset = 0;
    while (offset < text.length) {
      const { mode, element } = this.#place;
      offset = this[mode](text, offset, at);
      if (mode === 'tag' && element === 'body' && this.#place.mode === 'text') body ??= offset;
    }
    return body;
  }

  /** Where a value stands that comes next; undefined, and reported, where none can. */
  output(at: number, isOurs: boolean): Position | undefined {
    const { mode, attribute } = this.#place;
    if (mode === 'text' || mode === 'title') return 'markup';
    if (mode === 'value' && isPlain(attribute)) return 'markup';
    if (mode === 'value' && isAddress(attribute)) return this.#address(at, isOurs);
    const where =
      mode === 'tag' ? 'in a tag outside quotes' : mode === 'style' ? 'in a style' : `in ${attribute}`;
    return this.#refuse(at, `no value can stand ${where}`);
  }

  /** Reports what was never closed. */
  end(at: number): void {
    const { mode, element, outlookOnly } = this.#place;
    if (mode !== 'text') this.#report(at, `<${element}> is not closed`);
    else if (outlookOnly) this.#report(at, '<!--[if …]> is not closed by <![endif]-->');
  }

  #address(at: number, isOurs: boolean): Position | undefined {
    const value = this.#collected;
    value.outputs += 1;
    if (value.outputs > OUTPUTS_MAX) return this.#refuse(at, `an address can hold ${OUTPUTS_MAX} values`);
    if (value.text.trim() === '' && value.outputs === 1) {
      value.isOurs = isOurs;
      return isOurs
        ? 'url'
        : this.#refuse(
            at,
            'an address begins with https:// and a host, or is one of ours, such as {{ link }}, as it is',
          );
    }
    if (value.isOurs) return this.#refuse(at, 'an address of ours stands alone: nothing may follow it');
    if (leadsSomewhere(value.text)) return 'url-rest';
    return this.#refuse(at, 'a value can stand in an address only after https://, a host and a slash');
  }

  #refuse(at: number, message: string): undefined {
    this.#report(at, message);
  }

  private text(source: string, from: number, at: number): number {
    const next = matchAt(this.#place.outlookOnly ? /[<>]/g : /</g, source, from);
    if (!next) return source.length;
    const offset = next.index;
    const found = (pattern: RegExp) => matchAt(pattern, source, offset);
    const mark = this.#mark(found, at + offset);
    if (mark) return offset + mark.length;
    const tag = found(END_TAG) ?? found(START_TAG);
    if (tag) return offset + this.#element(tag, at + offset);
    if (source.startsWith('<!--', offset))
      return this.#skip(at + offset, 'this comment is not closed', source.length);
    const written = next[0] === '<' ? '&lt;' : '&gt;';
    return this.#skip(at + offset, `write ${written} for a sign that begins or ends no tag`, offset + 1);
  }

  /** Comments, Outlook's conditions and the document type. */
  #mark(found: (pattern: RegExp) => RegExpExecArray | null, at: number): string | undefined {
    const { outlookOnly } = this.#place;
    const begins = found(OUTLOOK_BEGINS);
    if (begins && !outlookOnly) this.#place = { ...this.#place, outlookOnly: true };
    const ends = outlookOnly && !begins ? found(OUTLOOK_ENDS) : null;
    if (ends) this.#place = { ...this.#place, outlookOnly: false };
    const mark = (!outlookOnly && begins) || ends || found(OUTLOOK_MARK) || found(DOCTYPE);
    if (mark) return mark[0];
    const comment = found(COMMENT);
    if (comment && outlookOnly) this.#report(at, 'there can be no comment inside <!--[if …]>');
    return comment?.[0];
  }

  /** Gives the length of what was found: an end, or a start up to its attributes. */
  #element([whole, name = '']: RegExpExecArray, at: number): number {
    const fault = elementFault(name);
    if (fault) this.#report(at, fault);
    if (!whole.startsWith('</')) this.#place = { ...this.#place, mode: 'tag', element: name.toLowerCase() };
    return whole.length;
  }

  #skip(at: number, message: string, to: number): number {
    this.#report(at, message);
    return to;
  }

  private tag(source: string, from: number, at: number): number {
    const { element } = this.#place;
    const space = matchAt(SPACE, source, from);
    if (space) return from + space[0].length;
    if (source[from] === '>') {
      const isText = element !== 'style' && element !== 'title';
      this.#place = { ...this.#place, ...(isText ? { mode: 'text', element: '' } : { mode: element }) };
      this.#collect(at + from + 1);
      return from + 1;
    }
    const found = matchAt(ATTRIBUTE, source, from);
    if (!found)
      return this.#skip(at + from, `<${element}> cannot be read here: put values in quotes`, from + 1);
    const [whole, name = '', quote, bare] = found;
    const attribute = name.toLowerCase();
    const fault = attributeFault(attribute) ?? (bare === undefined ? undefined : valueFault(attribute, bare));
    if (fault) this.#report(at + from, fault);
    if (quote !== undefined) this.#place = { ...this.#place, mode: 'value', attribute, quote };
    this.#collect(at + from);
    return from + whole.length;
  }

  private value(source: string, from: number, at: number): number {
    const { attribute, quote, outlookOnly, element } = this.#place;
    const end = source.indexOf(quote, from);
    const text = source.slice(from, end < 0 ? source.length : end);
    const value = this.#collected;
    if (outlookOnly && text.includes('>')) this.#report(at + from, 'write &gt; for > inside <!--[if …]>');
    if (value.isOurs && text.trim() !== '')
      this.#report(at + from, 'an address of ours stands alone: nothing may follow it');
    value.text += text;
    if (end < 0) return source.length;
    const fault = value.outputs === 0 ? valueFault(attribute, value.text) : undefined;
    if (fault) this.#report(value.at, fault);
    else if (isAddress(attribute) && !value.isOurs && (element === 'img' || attribute === 'background'))
      this.#warn(
        value.at,
        'a picture from elsewhere tells its host who reads the mail, and many programs hide it',
      );
    this.#place = { ...this.#place, mode: 'tag', attribute: '', quote: '' };
    return end + 1;
  }

  private style(source: string, from: number, at: number): number {
    const end = matchAt(/<\/style\s*>/gi, source, from);
    const text = source.slice(from, end ? end.index : source.length);
    this.#collected.text += text;
    if (this.#place.outlookOnly && text.includes('>'))
      this.#report(at + from, 'write no > in a style inside <!--[if …]>');
    if (!end) return source.length;
    const fault = styleFault(this.#collected.text);
    if (fault) this.#report(this.#collected.at, fault);
    this.#place = { ...this.#place, mode: 'text', element: '' };
    return end.index + end[0].length;
  }

  private title(source: string, from: number, at: number): number {
    const { outlookOnly } = this.#place;
    const next = source.indexOf('<', from);
    const said = source.slice(from, next < 0 ? source.length : next);
    if (outlookOnly && said.includes('>')) this.#report(at + from, 'write &gt; for > inside <!--[if …]>');
    if (next < 0) return source.length;
    const end = matchAt(/<\/title\s*>/iy, source, next);
    if (!end) return this.#skip(at + next, 'a <title> holds only text; write &lt; for <', next + 1);
    this.#place = { ...this.#place, mode: 'text', element: '' };
    return next + end[0].length;
  }

  #collect(at: number): void {
    this.#collected = { at, text: '', outputs: 0, isOurs: false };
  }
}

/** Any text may be its value: it leads nowhere and styles nothing. */
function isPlain(attribute: string): boolean {
  return !isAddress(attribute) && attribute !== 'style' && attribute !== 'http-equiv';
}

function matchAt(pattern: RegExp, source: string, offset: number): RegExpExecArray | null {
  pattern.lastIndex = offset;
  return pattern.exec(source);
}
