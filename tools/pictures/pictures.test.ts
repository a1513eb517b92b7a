import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { modes } from '../../server/test/accessibility/modes.ts';
import { samples } from '../../server/test/support/page-samples.ts';
import { gallery, SHEETS } from './gallery.ts';
import { withMeasured } from './measured.ts';

const docs = path.join(import.meta.dirname, '..', '..', 'docs');
const read = (file: string) => readFileSync(path.join(docs, file), 'utf8');
const names = samples.map(([name]) => name).toSorted();
const again = 'run npm run screenshots, and look at the pictures';

describe('the pictures', () => {
  it('show every page in every state, and nothing else', () => {
    const files = readdirSync(path.join(docs, SHEETS)).toSorted();
    assert.deepEqual(files, names.map((name) => `${name}.jpg`).toSorted(), again);
    const headings = [...read('pages.md').matchAll(/^### (.+)$/gm)].map(([, name]) => name);
    assert.deepEqual(headings.toSorted(), names, again);
  });

  it('weigh at most 120 kB each, and 6 MB together', () => {
    const sizes = names.map((name) => statSync(path.join(docs, SHEETS, `${name}.jpg`)).size);
    assert.ok(Math.max(...sizes) <= 120_000, `${Math.max(...sizes)}`);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    assert.ok(total <= 6_000_000, `${total}`);
  });

  it('are each said in words', () => {
    for (const [, alt] of gallery(samples).matchAll(/!\[(.*?)\]\(/g))
      assert.match(alt ?? '', /^The page “.+”/);
  });
});

describe('the report on accessibility', () => {
  it('has measured every page in every mode, and found nothing', () => {
    const rows = [...read('accessibility.md').matchAll(/^\| (.+) \| (\d+) \| \d+ \| \d+ \| (\d+) \|$/gm)];
    assert.deepEqual(
      rows.map(([, mode, pages, faults]) => [mode, Number(pages), Number(faults)]),
      modes.map(({ name }) => [name, samples.length, 0]),
      again,
    );
  });

  it('writes down what was found', () => {
    const page = '<!-- measured by npm run screenshots -->\nold\n<!-- end of what is measured -->\nrest';
    const seen = { mode: 'light', pages: 3, rules: ['a', 'b'], checks: 40, open: ['b'], faults: ['x: y'] };
    const written = withMeasured(page, [seen]);
    assert.match(written, /\| light \| 3 \| 2 \| 40 \| 1 \|\n\n.*`b`\.\n\n<!-- end/);
    assert.doesNotMatch(written, /old/);
    assert.equal(withMeasured(written, [seen]), written);
    assert.throws(() => withMeasured('# Another page', [seen]));
  });
});
