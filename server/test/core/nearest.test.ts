import assert from 'node:assert/strict';
import { it } from 'node:test';
import { nearest } from '../../src/core/nearest.ts';

const commands = ['client create', 'client list', 'client show', 'settings get', 'migrate', 'serve', 'dev'];

const table: [typed: string, meant: string | undefined][] = [
  ['serve', 'serve'],
  ['server', 'serve'],
  ['migrat', 'migrate'],
  ['client creat', 'client create'],
  ['client shwo', 'client show'],
  ['CLIENT LIST', 'client list'],
  ['setting get', 'settings get'],
  ['dve', 'dev'],
  ['create', 'client create'],
  ['mig', 'migrate'],
  ['', undefined],
  ['xyzzy', undefined],
  ['x'.repeat(10_000), undefined],
];

for (const [typed, meant] of table) {
  it(`"${typed.slice(0, 20)}" is taken for ${meant ?? 'nothing'}`, () => {
    assert.equal(nearest(typed, commands), meant);
  });
}
