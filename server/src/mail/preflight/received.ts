/** A mail as it arrived: the fields of its head, in lower case, and its two parts. */
export interface Received {
  /** The values of a field, the topmost first. */
  fields(name: string): readonly string[];
  readonly text: string | undefined;
  readonly html: string | undefined;
}

/** Deeper than this nobody nests a mail. */
const DEPTH_MAX = 8;

interface Entity {
  readonly fields: ReadonlyMap<string, readonly string[]>;
  readonly body: string;
}

/** Reads a message (RFC 5322, RFC 2045 to 2047), as a mail program saves it; its bytes as Latin-1. */
export function readMessage(bytes: Buffer): Received {
  const whole = entityOf(bytes.toString('latin1').replace(/\r\n?|\n/g, '\n'));
  const parts = partsOf(whole, DEPTH_MAX);
  const first = (type: string) => parts.find((part) => typeOf(part) === type);
  const [text, html] = [first('text/plain'), first('text/html')];
  return {
    fields: (name) => (whole.fields.get(name.toLowerCase()) ?? []).map(plainWords),
    text: text && contentOf(text),
    html: html && contentOf(html),
  };
}

function entityOf(source: string): Entity {
  const end = source.startsWith('\n') ? 0 : source.indexOf('\n\n');
  const head = end < 0 ? source : source.slice(0, end);
  const fields = new Map<string, string[]>();
  for (const line of head.replace(/\n[ \t]+/g, ' ').split('\n')) {
    const [, name, value = ''] = /^([!-9;-~]+):\s*(.*)$/.exec(line) ?? [];
    if (name === undefined) continue;
    const known = fields.get(name.toLowerCase()) ?? [];
    fields.set(name.toLowerCase(), [...known, value.trim()]);
  }
  return { fields, body: end < 0 ? '' : source.slice(end).replace(/^\n{1,2}/, '') };
}

function field({ fields }: Entity, name: string): string {
  return fields.get(name)?.[0] ?? '';
}

function typeOf(entity: Entity): string {
  return field(entity, 'content-type').split(';')[0]?.trim().toLowerCase() || 'text/plain';
}

function parameter(entity: Entity, name: string): string | undefined {
  const found = new RegExp(`;\\s*${name}\\s*=\\s*(?:"([^"]*)"|([^\\s;]+))`, 'i').exec(
    field(entity, 'content-type'),
  );
  return found?.[1] ?? found?.[2];
}

/** The parts that hold something, in their order. */
function partsOf(entity: Entity, depth: number): Entity[] {
  const boundary = typeOf(entity).startsWith('multipart/') ? parameter(entity, 'boundary') : undefined;
  if (boundary === undefined || depth === 0) return [entity];
  const pieces = `\n${entity.body}`.split(`\n--${boundary}`).slice(1);
  const last = pieces.findIndex((piece) => piece.startsWith('--'));
  return pieces
    .slice(0, last < 0 ? undefined : last)
    .flatMap((piece) => partsOf(entityOf(piece.replace(/^[ \t]*\n/, '')), depth - 1));
}

function contentOf(entity: Entity): string {
  const encoding = field(entity, 'content-transfer-encoding').trim().toLowerCase();
  const bytes =
    encoding === 'base64'
      ? Buffer.from(entity.body, 'base64')
      : Buffer.from(encoding === 'quoted-printable' ? unquoted(entity.body) : entity.body, 'latin1');
  return decoded(bytes, parameter(entity, 'charset'));
}

function unquoted(text: string): string {
  return text
    .replace(/=[ \t]*\n|[ \t]+$/gm, '')
    .replace(/=([0-9a-f]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function decoded(bytes: Buffer, charset = 'utf-8'): string {
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    return bytes.toString('latin1');
  }
}

/** A field with its encoded words (RFC 2047) read. */
function plainWords(value: string): string {
  return value.replace(/\?=\s+=\?/g, '?==?').replace(/=\?[^?]+\?[bq]\?[^?]*\?=/gi, encodedWord);
}

function encodedWord(word: string): string {
  const [, charset = '', kind = '', text = ''] = word.split('?');
  const isBase64 = kind.toLowerCase() === 'b';
  const bytes = isBase64
    ? Buffer.from(text, 'base64')
    : Buffer.from(unquoted(text.replaceAll('_', ' ')), 'latin1');
  return decoded(bytes, charset.split('*')[0]);
}
