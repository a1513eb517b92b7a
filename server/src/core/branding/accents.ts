import { type Colour, contrast, inkOn, parseColour, readableOn, shade, toneOf } from './colour.ts';

export type Mode = 'light' | 'dark';

/** The colours that a brand changes, by the names that the stylesheet has for them. */
export interface AccentSet {
  /** Buttons and links. */
  readonly act: Colour;
  /** The same under the pointer. */
  readonly act2: Colour;
  /** Text on both. */
  readonly on: Colour;
  /** Behind notes and codes. */
  readonly tint: Colour;
  /** The light behind the card. */
  readonly glow: Colour;
}

export type Accents = Readonly<Record<Mode, AccentSet>>;

/** What an owner chose; an empty text leaves the choice to us. */
export interface BrandColours {
  readonly colour?: string | undefined;
  readonly colourDark?: string | undefined;
}

/** Behind buttons and links; the stylesheet's `--card`. */
const CARDS: Readonly<Record<Mode, Colour>> = { light: '#ffffff', dark: '#161d1b' };

/** WCAG 2.2, 1.4.3: text. */
const READABLE = 4.5;

/** WCAG 2.2, 1.4.11. Below, a correction would be another colour; from here to 4.5 it is a shade of the same. */
const USABLE = 3;

/** Lightness of the quiet grounds: those of the stylesheet, on which all of its texts are readable. */
const TINTS: Readonly<Record<Mode, { tint: number; glow: number; chromaMax: number }>> = {
  light: { tint: 0.95, glow: 0.935, chromaMax: 0.02 },
  dark: { tint: 0.27, glow: 0.245, chromaMax: 0.03 },
};

/** The stylesheet's own, for a brand that has only a dark colour. */
const OWN: Colour = '#0d5a49';

/** A colour derived for the dark is at least this light, and no more colourful: it would glare. */
const DERIVED = { lightness: 0.78, chromaMax: 0.15 };

const HOVER_STEP = 0.08;

/** Why a colour cannot be used in a mode, with the nearest that can; undefined where it can. */
export function colourFault(text: string, mode: Mode): string | undefined {
  const colour = parseColour(text);
  if (colour === undefined) return 'write it as #rrggbb, such as #0d5a49';
  const card = CARDS[mode];
  const ratio = contrast(colour, card);
  if (ratio >= USABLE) return undefined;
  const ground = mode === 'light' ? 'white' : `the dark page (${card})`;
  const nearest = readableOn(colour, card, READABLE);
  const shown = Math.min(2.9, Math.round(ratio * 10) / 10);
  return `${colour} has a contrast of ${shown} to 1 on ${ground}, too little to read; the nearest that works is ${nearest}`;
}

/** The colours of a brand for both modes: every text and its ground at 4.5 to 1 or more, whatever was chosen. */
export function accentsOf(chosen: BrandColours): Accents {
  const light = readableOn(parseColour(chosen.colour ?? '') ?? OWN, CARDS.light, READABLE);
  const dark = readableOn(parseColour(chosen.colourDark ?? '') ?? derived(light), CARDS.dark, READABLE);
  return { light: accentSet(light, 'light'), dark: accentSet(dark, 'dark') };
}

function derived(light: Colour): Colour {
  return shade(light, Math.max(DERIVED.lightness, toneOf(light).lightness), DERIVED.chromaMax);
}

function accentSet(act: Colour, mode: Mode): AccentSet {
  const { tint, glow, chromaMax } = TINTS[mode];
  return {
    act,
    act2: hovered(act, mode),
    on: inkOn(act),
    tint: shade(act, tint, chromaMax),
    glow: shade(act, glow, chromaMax),
  };
}

/** Further from the card, or back towards it where there is no further; the text on it stays the same. */
function hovered(act: Colour, mode: Mode): Colour {
  const { lightness } = toneOf(act);
  const away = mode === 'light' ? -HOVER_STEP : HOVER_STEP;
  const there = lightness + away;
  return shade(act, there > 0.1 && there < 0.97 ? there : lightness - away);
}
