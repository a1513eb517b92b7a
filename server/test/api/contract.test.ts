import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
  type DescEnum,
  type DescField,
  type DescFile,
  type DescMessage,
  type DescMethod,
  type DescService,
  fromBinary,
  getOption,
  toJson,
} from '@bufbuild/protobuf';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { http } from '../../generated/google/api/annotations_pb.js';
import { HttpRuleSchema } from '../../generated/google/api/http_pb.js';

/** Under this number a method says its address in REST; the SDK keeps what it does not know of as bytes. */
const HTTP_OPTION = 72295728;

const OURS = path.join(import.meta.dirname, '../../generated/scalekit/v1');
const THEIRS = path.join(
  path.dirname(fileURLToPath(import.meta.resolve('@scalekit-sdk/node'))),
  'pkg/grpc/scalekit/v1',
);

async function fileAt(folder: string, name: string): Promise<DescFile> {
  const module: Record<string, unknown> = await import(pathToFileURL(path.join(folder, name)).href);
  const file = Object.entries(module).find(([key]) => key.startsWith('file_'))?.[1];
  assert.ok(file, `${name} describes no file`);
  return file as DescFile;
}

function messagesIn(found: readonly DescMessage[]): DescMessage[] {
  return found.flatMap((message) => [message, ...messagesIn(message.nestedMessages)]);
}

function enumsIn(file: DescFile): DescEnum[] {
  return [...file.enums, ...messagesIn(file.messages).flatMap((message) => message.nestedEnums)];
}

/** Everything of a field that is on the wire, in JSON or in what code is made of it. */
function shapeOf(field: DescField) {
  return {
    number: field.number,
    jsonName: field.jsonName,
    kind: field.fieldKind,
    scalar: field.scalar,
    message: field.message?.typeName,
    enum: field.enum?.typeName,
    presence: field.presence,
    oneof: field.oneof?.name,
    label: field.proto.label,
    optional: field.proto.proto3Optional,
    key: field.fieldKind === 'map' ? field.mapKey : undefined,
  };
}

/** What they say of REST, or nothing. */
function theirRule(method: DescMethod): object {
  const option = method.proto.options?.$unknown?.find(({ no }) => no === HTTP_OPTION);
  if (option === undefined) return {};
  return Object(toJson(HttpRuleSchema, fromBinary(HttpRuleSchema, new BinaryReader(option.data).bytes())));
}

function byName<T extends { typeName: string }>(all: readonly T[], name: string): T {
  const found = all.find(({ typeName }) => typeName === name);
  assert.ok(found, `the SDK has no ${name}`);
  return found;
}

function assertSameService(ours: DescService, theirs: DescService): void {
  for (const method of ours.methods) {
    const other = theirs.methods.find(({ name }) => name === method.name);
    assert.ok(other, `the SDK has no ${ours.typeName}.${method.name}`);
    const signature = ({ input, output, methodKind }: DescMethod) => [
      input.typeName,
      output.typeName,
      methodKind,
    ];
    assert.deepEqual(signature(method), signature(other), method.name);
    assert.deepEqual(toJson(HttpRuleSchema, getOption(method, http)), theirRule(other), method.name);
  }
}

describe('our contract is the one that the published SDK was made from', () => {
  const names = globSync('**/*_pb.js', { cwd: OURS });
  assert.ok(names.length >= 10);
  for (const name of names)
    it(`in ${name.replace('_pb.js', '.proto')}`, async () => {
      const [ours, theirs] = await Promise.all([fileAt(OURS, name), fileAt(THEIRS, name)]);
      assert.equal(ours.proto.package, theirs.proto.package);
      const theirMessages = messagesIn(theirs.messages);
      for (const message of messagesIn(ours.messages)) {
        const other = byName(theirMessages, message.typeName);
        for (const field of message.fields) {
          const its = other.fields.find((one) => one.name === field.name);
          assert.ok(its, `the SDK has no ${message.typeName}.${field.name}`);
          assert.deepEqual(shapeOf(field), shapeOf(its), `${message.typeName}.${field.name}`);
        }
      }
      for (const own of enumsIn(ours)) {
        const other = byName(enumsIn(theirs), own.typeName);
        const values = (one: DescEnum) => new Map(one.values.map((value) => [value.name, value.number]));
        for (const [value, number] of values(own))
          assert.equal(values(other).get(value), number, `${own.name}.${value}`);
      }
      for (const service of ours.services)
        assertSameService(service, byName(theirs.services, service.typeName));
    });
});
