import { type Size, svgSize } from './svg.ts';

export type ImageKind = 'png' | 'jpeg' | 'webp' | 'svg';

export type JudgedImage = { kind: ImageKind; size: Size } | { fault: string };

const BYTES_MAX = 32 * 1024;

/** Of each side: more is never shown. */
const PIXELS_MAX = 1024;

/** Tells what a picture is by its first bytes, and whether it may be a logo. */
export function judgeImage(bytes: Uint8Array): JudgedImage {
  if (bytes.length > BYTES_MAX)
    return { fault: `it has ${Math.ceil(bytes.length / 1024)} kB; at most ${BYTES_MAX / 1024} are allowed` };
  const kind = kindOf(bytes);
  if (kind === undefined) return { fault: 'it is no PNG, JPEG, WebP or SVG' };
  const size = sizeOf(kind, bytes);
  if (size === undefined) return { fault: `it begins like ${kind.toUpperCase()} and cannot be read` };
  if (typeof size === 'string') return { fault: size };
  const { width, height } = size;
  if (kind !== 'svg' && Math.max(width, height) > PIXELS_MAX)
    return { fault: `it has ${width} × ${height} pixels; at most ${PIXELS_MAX} × ${PIXELS_MAX} are allowed` };
  return width > 0 && height > 0 ? { kind, size } : { fault: 'it has no width or no height' };
}

function kindOf(bytes: Uint8Array): ImageKind | undefined {
  if (textAt(bytes, 0, 8) === '\x89PNG\r\n\x1a\n') return 'png';
  if (textAt(bytes, 0, 3) === '\xff\xd8\xff') return 'jpeg';
  if (textAt(bytes, 0, 4) === 'RIFF' && textAt(bytes, 8, 4) === 'WEBP') return 'webp';
  return /^(?:\xef\xbb\xbf)?\s*<(?:\?xml|!--|svg)/.test(textAt(bytes, 0, 200)) ? 'svg' : undefined;
}

function sizeOf(kind: ImageKind, bytes: Uint8Array): Size | string | undefined {
  switch (kind) {
    case 'png':
      return textAt(bytes, 12, 4) === 'IHDR'
        ? { width: number(bytes, [16, 17, 18, 19]), height: number(bytes, [20, 21, 22, 23]) }
        : undefined;
    case 'jpeg':
      return jpegSize(bytes);
    case 'webp':
      return webpSize(bytes);
    case 'svg':
      return svgSize(bytes);
    default:
      return kind satisfies never;
  }
}

/** The frame header is the segment C0 to CF that is none of C4, C8 and CC (ITU-T T.81, table B.1). */
function jpegSize(bytes: Uint8Array): Size | undefined {
  let at = 2;
  while (at + 9 < bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1] ?? 0;
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker))
      return { height: number(bytes, [at + 5, at + 6]), width: number(bytes, [at + 7, at + 8]) };
    at += 2 + Math.max(2, number(bytes, [at + 2, at + 3]));
  }
  return undefined;
}

/** RFC 9649, sections 2.5 to 2.7. */
function webpSize(bytes: Uint8Array): Size | undefined {
  switch (textAt(bytes, 12, 4)) {
    case 'VP8X':
      return { width: number(bytes, [26, 25, 24]) + 1, height: number(bytes, [29, 28, 27]) + 1 };
    case 'VP8L': {
      const packed = number(bytes, [24, 23, 22, 21]);
      return { width: (packed & 0x3fff) + 1, height: ((packed >>> 14) & 0x3fff) + 1 };
    }
    case 'VP8 ':
      return {
        width: number(bytes, [27, 26]) & 0x3fff,
        height: number(bytes, [29, 28]) & 0x3fff,
      };
    default:
      return undefined;
  }
}

/** An unsigned number from the bytes at these places, most significant first. */
function number(bytes: Uint8Array, places: readonly number[]): number {
  return places.reduce((value, at) => value * 256 + (bytes[at] ?? 0), 0);
}

function textAt(bytes: Uint8Array, from: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(from, from + length));
}
