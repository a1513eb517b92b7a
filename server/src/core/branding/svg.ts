/** In CSS pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

const NAMESPACE = 'http://www.w3.org/2000/svg';

/** What draws and nothing else: no script, no foreign markup, no link, no animation, nothing that repeats another part. */
const ELEMENTS = new Set(
  `svg g defs title desc path rect circle ellipse line polyline polygon text tspan linearGradient radialGradient
  stop clipPath mask pattern style filter feBlend feColorMatrix feComposite feDropShadow feFlood feGaussianBlur
  feMerge feMergeNode feOffset`.split(/\s+/),
);

const DEPTH_MAX = 40;

/** In one go: a comment, the declaration, an end tag, a start tag with its attributes, or text. */
const PART =
  /<!--(?:(?!--)[\s\S])*-->|<\?xml\s[^<>?]*\?>|<\/(?<end>[\w:.-]+)\s*>|<(?<start>[\w:.-]+)(?<attributes>(?:\s+[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(?<empty>\/?)>|(?<text>[^<]+)/gy;

const ATTRIBUTE = /([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;

type Attributes = ReadonlyMap<string, string>;

/** Whether a file is an SVG drawing that is complete in itself and can do nothing: its size, or why not. */
export function svgSize(bytes: Uint8Array): Size | string {
  const source = utf8(bytes);
  if (source === undefined) return 'it is not in UTF-8';
  const open: string[] = [];
  let root: Attributes | undefined;
  let read = 0;
  for (const part of source.matchAll(PART)) {
    read += part[0].length;
    const { start, end, empty, text, attributes = '' } = part.groups ?? {};
    if (end !== undefined && open.pop() !== end) return `</${end}> ends nothing`;
    if (start !== undefined) {
      const given = attributesOf(attributes);
      const fault =
        elementFault(start, given) ?? (open.length === 0 ? rootFault(start, given, root) : undefined);
      if (fault !== undefined) return fault;
      root ??= given;
      if (empty === '') open.push(start);
    }
    const wrong = text === undefined ? undefined : textFault(text, open);
    if (wrong !== undefined) return `there is ${wrong}`;
    if (open.length > DEPTH_MAX) return 'its parts are nested too deeply';
  }
  if (read < source.length)
    return `it is not well-formed, or not plain SVG, at: ${source.slice(read, read + 40)}`;
  if (root === undefined || open.length > 0) return 'it has no end';
  return viewOf(root);
}

function elementFault(name: string, given: Attributes | undefined): string | undefined {
  if (!ELEMENTS.has(name)) return `a logo may not have <${name}>: save it as plain, flat SVG`;
  if (given === undefined) return `<${name}> has an attribute twice`;
  for (const [attribute, value] of given) {
    const fault = attributeFault(attribute, value);
    if (fault) return `a logo may not have ${attribute}="${value.slice(0, 60)}": ${fault}`;
  }
  return undefined;
}

function rootFault(name: string, given: Attributes | undefined, root: Attributes | undefined) {
  if (root !== undefined) return 'there is something behind its end';
  if (name !== 'svg' || given?.get('xmlns') !== NAMESPACE)
    return `it does not begin with <svg xmlns="${NAMESPACE}">`;
  return undefined;
}

function attributeFault(name: string, value: string): string | undefined {
  const local = name.replace(/^.*:/, '').toLowerCase();
  if (name === 'xmlns') return value === NAMESPACE ? undefined : 'it is another language';
  if (name.startsWith('xmlns:')) return undefined; // elements with a prefix are not taken anyway
  if (local.startsWith('on')) return 'it would run';
  if (local === 'base') return 'it would load from elsewhere';
  if (local === 'href') return /^#[\w.-]+$/.test(value) ? undefined : 'it would load from elsewhere';
  return styleFault(value);
}

/** Of presentation attributes and style sheets: references lead into the drawing itself. */
function styleFault(value: string): string | undefined {
  if (/\\/.test(value)) return 'escapes hide what it says';
  if (/@(?!media\b)/i.test(value)) return 'it would load from elsewhere';
  if (/\/\/|(?:data|javascript|file)\s*:|(?:image-set|image|src|element|expression)\s*\(/i.test(value))
    return 'it would load from elsewhere';
  return /url\((?!\s*(['"]?)#[\w.-]+\1\s*\))/i.test(value) ? 'it would load from elsewhere' : undefined;
}

function textFault(text: string, open: readonly string[]): string | undefined {
  if (open.length === 0) return text.trim() === '' ? undefined : 'text outside of the drawing';
  if (open.at(-1) !== 'style') return decoded(text) === undefined ? 'an entity of its own' : undefined;
  return styleFault(text) === undefined && !text.includes('&')
    ? undefined
    : 'a style that could load something';
}

/** Undefined where one is given twice or uses an entity that XML does not know by itself. */
function attributesOf(text: string): Attributes | undefined {
  const found = new Map<string, string>();
  for (const [, name = '', double, single] of text.matchAll(ATTRIBUTE)) {
    const value = decoded(double ?? single ?? '');
    if (value === undefined || found.has(name)) return undefined;
    found.set(name, value);
  }
  return found;
}

const ENTITIES = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
]);

/** Undefined where the text has an ampersand that begins none of XML's own entities. */
function decoded(text: string): string | undefined {
  const parts = text.split(/(&[^;&]{0,12};?)/).map((part) => (part.startsWith('&') ? symbolOf(part) : part));
  return parts.includes(undefined) ? undefined : parts.join('');
}

function symbolOf(entity: string): string | undefined {
  const [, hex, decimal, name = ''] = /^&(?:#x([\da-f]{1,6})|#(\d{1,7})|(\w+));$/i.exec(entity) ?? [];
  if (hex === undefined && decimal === undefined) return ENTITIES.get(name);
  return codePoint(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16));
}

function codePoint(point: number): string | undefined {
  return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : undefined;
}

/** The size that the drawing itself has; a picture of it takes any other. */
function viewOf(root: Attributes): Size | string {
  const box = (root.get('viewBox') ?? '')
    .trim()
    .split(/[\s,]+/)
    .map(Number);
  const [, , boxWidth = Number.NaN, boxHeight = Number.NaN] = box;
  const width = Number.isFinite(boxWidth) ? boxWidth : pixels(root.get('width'));
  const height = Number.isFinite(boxHeight) ? boxHeight : pixels(root.get('height'));
  if (width > 0 && height > 0) return { width, height };
  return 'its <svg> needs a viewBox, such as viewBox="0 0 120 40"';
}

function pixels(text = ''): number {
  return Number(/^\s*(\d+(?:\.\d+)?)(?:px)?\s*$/.exec(text)?.[1]);
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
