export type Json = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The parsed text, or undefined when it is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether any object in the (valid) JSON text has a key twice, however it is spelled. */
export function repeatsKey(text: string): boolean {
  const keys: Set<string>[] = [];
  for (const [token, colon] of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/g)) {
    if (token === '{' || token === '[') keys.push(new Set());
    else if (token === '}' || token === ']') keys.pop();
    else if (colon !== undefined) {
      const key = String(JSON.parse(token.slice(0, -colon.length)));
      if (keys.at(-1)?.has(key)) return true;
      keys.at(-1)?.add(key);
    }
  }
  return false;
}

/** Members whose content belongs to somebody else: their keys stay as they are. */
const VERBATIM = new Set(['metadata', 'custom_attributes', 'template_variables', 'data']);
const INSTANT = /(?:_at|_time|^timestamp)$/;

/**
 * What the API answers, as this package gives it: keys in camelCase, RFC 3339 instants as `Date`, 64-bit numbers
 * (text on the wire) as numbers, and what is null left out.
 */
export function fromWire(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((one) => fromWire(one, key));
  if (!isRecord(value)) return valueFromWire(value, key);
  if (VERBATIM.has(key)) return value;
  const members = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(
    members.map(([name, member]) => [toCamel(name), fromWire(member, toSnake(name))]),
  );
}

function valueFromWire(value: unknown, key: string): unknown {
  if (typeof value !== 'string') return value;
  if (key === 'expires_at' || key === 'access_token_expiry')
    return /^\d+$/.test(value) ? Number(value) : value;
  return INSTANT.test(key) && /^\d{4}-\d\d-\d\dT/.test(value) ? new Date(value) : value;
}

/** What the API takes: keys in snake_case, instants as text, and what is undefined left out. */
export function toWire(value: unknown, key = ''): unknown {
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map((one) => toWire(one));
  if (!isRecord(value) || VERBATIM.has(key)) return value;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members.map(([name, member]) => [toSnake(name), toWire(member, toSnake(name))]));
}

/** A query of the API: lists repeat their name, objects join it with a dot. */
export function toQuery(value: Json): string {
  const query = new URLSearchParams();
  const add = (name: string, member: unknown): void => {
    if (Array.isArray(member)) for (const one of member) add(name, one);
    else if (isRecord(member))
      for (const [key, one] of Object.entries(member)) add(name === '' ? key : `${name}.${key}`, one);
    else if (member !== null && member !== undefined) query.append(name, String(member));
  };
  add('', toWire(value));
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}

function toCamel(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function toSnake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
