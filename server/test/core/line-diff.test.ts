import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { lineDiff } from '../../src/core/line-diff.ts';

const shown = (from: string, to: string) => lineDiff(from, to).map(({ mark, text }) => `${mark}${text}`);

describe('the comparison of two texts', () => {
  it('names what went and what came, and leaves the rest', () => {
    assert.deepEqual(shown('a\nb\nc\n', 'a\nx\nc\nd\n'), [' a', '-b', '+x', ' c', '+d']);
    assert.deepEqual(shown('', 'a\n'), ['+a']);
    assert.deepEqual(shown('a\r\nb\r\n', 'a\nb\n'), [' a', ' b']);
    assert.deepEqual(shown('', ''), []);
  });

  it('gives both texts back', () => {
    const text = fc
      .array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 12 })
      .map((lines) => lines.map((line) => `${line}\n`).join(''));
    fc.assert(
      fc.property(text, text, (from, to) => {
        const lines = lineDiff(from, to);
        const side = (mark: string) =>
          lines
            .filter((line) => line.mark === ' ' || line.mark === mark)
            .map((line) => `${line.text}\n`)
            .join('');
        assert.equal(side('-'), from);
        assert.equal(side('+'), to);
      }),
    );
  });

  it('takes texts apart as a whole that are too long to compare', () => {
    const lines = Array.from({ length: 3000 }, (_, at) => `${at}`);
    const diff = lineDiff(lines.join('\n'), lines.toReversed().join('\n'));
    assert.equal(diff.length, 6000);
  });
});
