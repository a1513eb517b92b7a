/** `#rrggbb` in small letters. */
export type Colour = `#${string}`;

type Triple = readonly [number, number, number];

/** The colour that `#rgb` or `#rrggbb` names, with or without its sign, which shells take for a remark. */
export function parseColour(text: string): Colour | undefined {
  const digits = /^#?([\da-f]{3}|[\da-f]{6})$/i.exec(text.trim())?.[1]?.toLowerCase();
  if (digits === undefined) return undefined;
  return `#${digits.length === 3 ? digits.replace(/./g, '$&$&') : digits}`;
}

/** How much two colours stand out from each other, from 1 to 21 (WCAG 2.2, contrast ratio). */
export function contrast(one: Colour, other: Colour): number {
  const [darker = 0, lighter = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

/** WCAG 2.2, relative luminance. */
function luminance(colour: Colour): number {
  const [red, green, blue] = linear(colour);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/**
 * The colour itself where it stands out from its ground enough; otherwise the nearest of its hue that
 * does, lighter or darker, whichever way the ground leaves more room. Up to 4.5 there always is one.
 */
export function readableOn(colour: Colour, ground: Colour, min: number): Colour {
  if (contrast(colour, ground) >= min) return colour;
  const end = contrast('#ffffff', ground) > contrast('#000000', ground) ? 1 : 0;
  const { lightness } = toneOf(colour);
  let nearest = shade(colour, end);
  let [tooNear, enough] = [lightness, end];
  for (let round = 0; round < 12; round += 1) {
    const middle = (tooNear + enough) / 2;
    const tried = shade(colour, middle);
    if (contrast(tried, ground) < min) tooNear = middle;
    else [enough, nearest] = [middle, tried];
  }
  return nearest;
}

/** White or black, whichever is readable on this ground; on any ground one of them is. */
export function inkOn(ground: Colour): Colour {
  return contrast('#ffffff', ground) >= 4.5 ? '#ffffff' : '#000000';
}

/** A colour as people see it, in OKLCH: lightness from 0 to 1, how colourful, and the hue in degrees. */
export interface Tone {
  readonly lightness: number;
  readonly chroma: number;
  readonly hue: number;
}

export function toneOf(colour: Colour): Tone {
  const [l, m, s] = multiplied(TO_CONES, linear(colour)).map(Math.cbrt);
  const [lightness, a, b] = multiplied(TO_LAB, [l ?? 0, m ?? 0, s ?? 0]);
  return { lightness, chroma: Math.hypot(a, b), hue: ((Math.atan2(b, a) * 180) / Math.PI + 360) % 360 };
}

/** The same hue at another lightness, as colourful as before or as a screen can show, and at most `chromaMax`. */
export function shade(colour: Colour, lightness: number, chromaMax = 1): Colour {
  const { chroma, hue } = toneOf(colour);
  const wanted = Math.min(chroma, chromaMax);
  let [shown, tooMuch] = isShown({ lightness, chroma: wanted, hue }) ? [wanted, wanted] : [0, wanted];
  for (let round = 0; round < 12 && shown < tooMuch; round += 1) {
    const middle = (shown + tooMuch) / 2;
    if (isShown({ lightness, chroma: middle, hue })) shown = middle;
    else tooMuch = middle;
  }
  return colourOf({ lightness, chroma: shown, hue });
}

/** Rounding to 255 steps hides this much. */
const SLACK = 0.0001;

function isShown(tone: Tone): boolean {
  return screenOf(tone).every((part) => part >= -SLACK && part <= 1 + SLACK);
}

function colourOf(tone: Tone): Colour {
  const digits = screenOf(tone).map((part) => Math.round(255 * gamma(Math.min(1, Math.max(0, part)))));
  return `#${digits.map((part) => part.toString(16).padStart(2, '0')).join('')}`;
}

/** Linear red, green and blue; outside of 0 to 1 where no screen shows the tone. */
function screenOf({ lightness, chroma, hue }: Tone): Triple {
  const angle = (hue * Math.PI) / 180;
  const [l, m, s] = multiplied(FROM_LAB, [lightness, chroma * Math.cos(angle), chroma * Math.sin(angle)]);
  return multiplied(FROM_CONES, [l ** 3, m ** 3, s ** 3]);
}

function linear(colour: Colour): Triple {
  const part = (at: number) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return [part(1), part(3), part(5)];
}

function gamma(value: number): number {
  return value <= 0.0031308 ? value * 12.92 : 1.055 * value ** (1 / 2.4) - 0.055;
}

/** Oklab's own numbers: https://bottosson.github.io/posts/oklab. */
const TO_CONES: readonly Triple[] = [
  [0.4122214708, 0.5363325363, 0.0514459929],
  [0.2119034982, 0.6806995451, 0.1073969566],
  [0.0883024619, 0.2817188376, 0.6299787005],
];
const TO_LAB: readonly Triple[] = [
  [0.2104542553, 0.793617785, -0.0040720468],
  [1.9779984951, -2.428592205, 0.4505937099],
  [0.0259040371, 0.7827717662, -0.808675766],
];
const FROM_LAB: readonly Triple[] = [
  [1, 0.3963377774, 0.2158037573],
  [1, -0.1055613458, -0.0638541728],
  [1, -0.0894841775, -1.291485548],
];
const FROM_CONES: readonly Triple[] = [
  [4.0767416621, -3.3077115913, 0.2309699292],
  [-1.2684380046, 2.6097574011, -0.3413193965],
  [-0.0041960863, -0.7034186147, 1.707614701],
];

function multiplied(rows: readonly Triple[], [x, y, z]: Triple): Triple {
  const [a = 0, b = 0, c = 0] = rows.map(([p, q, r]) => p * x + q * y + r * z);
  return [a, b, c];
}
