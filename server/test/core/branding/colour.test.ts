import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type AccentSet, accentsOf, colourFault, type Mode } from '../../../src/core/branding/accents.ts';
import {
  type Colour,
  contrast,
  inkOn,
  parseColour,
  readableOn,
  shade,
  toneOf,
} from '../../../src/core/branding/colour.ts';
import { pageColours } from '../../../src/platform/http/page-style.ts';

const digits = fc.integer({ min: 0, max: 0xffffff }).map((value) => value.toString(16).padStart(6, '0'));
const colours: fc.Arbitrary<Colour> = digits.map((six) => `#${six}` as const);
const MODES: readonly Mode[] = ['light', 'dark'];

/** What the pages set these colours on, and beside. */
const page = new Map(
  Object.entries(pageColours).map(([name, [light, dark]]) => [
    name,
    { light: known(light), dark: known(dark) },
  ]),
);

function known(text: string): Colour {
  return parseColour(text) ?? assert.fail(`${text} is no colour`);
}

function turn(one: number, other: number): number {
  const apart = Math.abs(one - other) % 360;
  return Math.min(apart, 360 - apart);
}

describe('a colour', () => {
  it('is written with three or six digits, in any case', () => {
    assert.equal(parseColour('#FfE600'), '#ffe600');
    assert.equal(parseColour('#f0a'), '#ff00aa');
    assert.equal(parseColour('ffe600'), '#ffe600');
    for (const none of ['', 'red', '#ffe6', '#ffe60', '#ffe6000', '#ggg', '#fff;}', 'rgb(1,2,3)'])
      assert.equal(parseColour(none), undefined, none);
  });

  it('stands out as WCAG says', () => {
    const table: [Colour, Colour, number][] = [
      ['#000000', '#ffffff', 21],
      ['#ffffff', '#ffffff', 1],
      ['#777777', '#ffffff', 4.48],
      ['#ff0000', '#ffffff', 4],
      ['#595959', '#ffffff', 7],
    ];
    for (const [one, other, ratio] of table) {
      assert.ok(Math.abs(contrast(one, other) - ratio) < 0.01, `${one} on ${other}: ${contrast(one, other)}`);
      assert.equal(contrast(one, other), contrast(other, one));
    }
  });

  it('comes back from its tone as it was', () => {
    fc.assert(
      fc.property(colours, (colour) => assert.equal(shade(colour, toneOf(colour).lightness), colour)),
    );
  });

  it('is made readable on any ground, stays as it is where it is, and keeps its hue', () => {
    fc.assert(
      fc.property(colours, colours, (colour, ground) => {
        const made = readableOn(colour, ground, 4.5);
        assert.ok(contrast(made, ground) >= 4.5);
        assert.equal(readableOn(made, ground, 4.5), made);
        if (contrast(colour, ground) >= 4.5) assert.equal(made, colour);
        const [from, to] = [toneOf(colour), toneOf(made)];
        if (from.chroma > 0.05 && to.chroma > 0.05)
          assert.ok(turn(from.hue, to.hue) < 8, `${colour} ${made}`);
      }),
    );
  });

  it('is moved no further than it takes', () => {
    fc.assert(
      fc.property(colours, (colour) => {
        const made = readableOn(colour, '#ffffff', 4.5);
        if (made !== colour) assert.ok(contrast(made, '#ffffff') < 4.75, `${colour}: ${made}`);
      }),
    );
  });

  it('has an ink that is readable on it', () => {
    fc.assert(fc.property(colours, (ground) => assert.ok(contrast(inkOn(ground), ground) >= 4.5)));
  });
});

describe('the colours of a brand', () => {
  /** Text on its ground, wherever the stylesheet puts one on the other. */
  const pairsOf = (set: AccentSet, mode: Mode): [string, Colour, Colour][] => {
    const of = (name: string) => page.get(name)?.[mode] ?? assert.fail(`the stylesheet has no --${name}`);
    return [
      ['act card', set.act, of('card')],
      ['act2 card', set.act2, of('card')],
      ['on act', set.on, set.act],
      ['on act2', set.on, set.act2],
      ['text tint', of('text'), set.tint],
      ['soft tint', of('soft'), set.tint],
      ['soft glow', of('soft'), set.glow],
    ];
  };

  it('are readable in light and dark, whatever was chosen', () => {
    fc.assert(
      fc.property(fc.option(colours), fc.option(colours), (colour, colourDark) => {
        const accents = accentsOf({ colour: colour ?? '', colourDark: colourDark ?? '' });
        for (const mode of MODES)
          for (const [pair, text, ground] of pairsOf(accents[mode], mode))
            assert.ok(contrast(text, ground) >= 4.5, `${mode} ${pair}: ${text} on ${ground}`);
      }),
      { numRuns: 500 },
    );
  });

  it('are those that were chosen where these are readable, and stay the same when chosen again', () => {
    fc.assert(
      fc.property(colours, colours, (colour, colourDark) => {
        const { light, dark } = accentsOf({ colour, colourDark });
        if (contrast(colour, '#ffffff') >= 4.5) assert.equal(light.act, colour);
        if (contrast(colourDark, '#161d1b') >= 4.5) assert.equal(dark.act, colourDark);
        const again = accentsOf({ colour: light.act, colourDark: dark.act });
        assert.deepEqual(again, { light, dark });
      }),
    );
  });

  it('keep their hue, in a dark colour that nobody chose too', () => {
    fc.assert(
      fc.property(colours, (colour) => {
        const { light, dark } = accentsOf({ colour });
        for (const { act } of [light, dark]) {
          const [from, to] = [toneOf(colour), toneOf(act)];
          if (from.chroma > 0.05 && to.chroma > 0.05)
            assert.ok(turn(from.hue, to.hue) < 8, `${colour} ${act}`);
        }
      }),
    );
  });

  it('change under the pointer', () => {
    fc.assert(
      fc.property(colours, (colour) => {
        const accents = accentsOf({ colour });
        for (const mode of MODES) assert.notEqual(accents[mode].act, accents[mode].act2);
      }),
    );
  });

  it('are refused below 3 to 1 on the card of their mode, with the nearest that works', () => {
    const fault = colourFault('#FFE600', 'light') ?? '';
    assert.match(
      fault,
      /^#ffe600 has a contrast of 1\.3 to 1 on white, too little to read; the nearest that works is #[\da-f]{6}$/,
    );
    assert.match(colourFault('#0d1211', 'dark') ?? '', /on the dark page \(#161d1b\)/);
    assert.match(colourFault('red', 'light') ?? '', /write it as #rrggbb/);
    assert.equal(colourFault('#949494', 'light'), undefined); // 3.03: corrected
    assert.ok(colourFault('#959595', 'light')); // 2.99: refused
    fc.assert(
      fc.property(colours, fc.constantFrom(...MODES), (colour, mode) => {
        const card = page.get('card')?.[mode] ?? assert.fail('no card');
        const why = colourFault(colour, mode);
        assert.equal(why === undefined, contrast(colour, card) >= 3, colour);
        if (why === undefined) return;
        assert.equal(colourFault(why.slice(-7), mode), undefined, why);
        assert.ok(contrast(known(why.slice(-7)), card) >= 4.5, why);
      }),
    );
  });
});
