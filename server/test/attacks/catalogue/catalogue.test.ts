import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { documentedAttacks } from './attack.ts';
import { weaken } from './weakened-build.ts';

describe('The catalogue of attacks', () => {
  it('refuses a control whose guard is not where it was, or is there twice', () => {
    const stale = { file: 'core/attempt.ts', find: 'a guard that is gone', replace: '' };
    assert.throws(() => weaken(stale.file, [stale]), /stands 0 times in core\/attempt\.ts/);
    const vague = { file: 'core/attempt.ts', find: 'readonly ', replace: '' };
    assert.throws(() => weaken(vague.file, [vague]), /stands \d+ times/);
  });

  it('has thirty attacks or more, each under a number of its own', () => {
    const ids = documentedAttacks().map((row) => row.slice(2, 5));
    assert.ok(ids.length >= 30, `${ids.length} attacks`);
    assert.deepEqual([...new Set(ids)].toSorted(), ids);
  });
});
