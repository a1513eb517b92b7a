import {
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  ScalarType,
} from '@bufbuild/protobuf';

/** Well-known types are one value in JSON, not an object of their fields. */
const ONE_VALUE = /^google\.protobuf\.(Timestamp|Duration|FieldMask|\w+Value)$/;

/**
 * What a query says of a message, as JSON: `page_size=10&filter.status=active&filter.status=expired`. Names may be
 * those of the proto file or those of JSON. A name that the message does not have says nothing.
 */
export function queryJson(message: DescMessage, query: URLSearchParams): JsonObject {
  const json: JsonObject = {};
  for (const [name, value] of query) put(json, message, { path: name.split('.'), value });
  return json;
}

function put(json: JsonObject, message: DescMessage, given: { path: string[]; value: string }): void {
  const [name = '', ...rest] = given.path;
  const field = fieldOf(message, name);
  if (field === undefined) return;
  const key = field.jsonName;
  if (field.fieldKind === 'message' && rest.length > 0 && !isOneValue(field)) {
    const known = json[key];
    const inner: JsonObject = isObject(known) ? known : {};
    json[key] = inner;
    put(inner, field.message, { path: rest, value: given.value });
    return;
  }
  if (rest.length > 0 || !isOneValue(field)) return;
  const value = jsonOf(field, given.value);
  const known = json[key];
  json[key] = field.fieldKind === 'list' ? [...(Array.isArray(known) ? known : []), value] : value;
}

export function fieldOf(message: DescMessage, name: string): DescField | undefined {
  return message.fields.find((field) => field.name === name || field.jsonName === name);
}

function isOneValue(field: DescField): boolean {
  if (field.fieldKind === 'map') return false;
  const inner = field.fieldKind === 'message' || field.fieldKind === 'list' ? field.message : undefined;
  return inner === undefined || ONE_VALUE.test(inner.typeName);
}

/** A text of a query or path as the JSON of its field; numbers may stay texts (proto3 JSON mapping). */
export function jsonOf(field: DescField, text: string): JsonValue {
  const isFlag = field.scalar === ScalarType.BOOL || wrapped(field) === ScalarType.BOOL;
  if (isFlag && /^(true|false)$/.test(text)) return text === 'true';
  const isEnum = field.fieldKind === 'enum' || (field.fieldKind === 'list' && field.listKind === 'enum');
  return isEnum && /^\d{1,9}$/.test(text) ? Number(text) : text;
}

function wrapped(field: DescField): ScalarType | undefined {
  return field.fieldKind === 'message' && field.message.typeName === 'google.protobuf.BoolValue'
    ? ScalarType.BOOL
    : undefined;
}

export function isObject(json: JsonValue | undefined): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
