import type { ImageKind } from './image.ts';
import type { Size } from './svg.ts';

/** The room that pages and mails have for a logo, in CSS pixels. */
const ROOM: Size = { width: 200, height: 40 };

/** A logo's name says all that a page needs to place it: its content, the size it is shown at, and its kind. */
const LOGO_ID = /^[\da-f]{32}-(\d{1,3})x(\d{1,2})\.(png|jpeg|webp|svg)$/;

export interface LogoFacts extends Size {
  readonly kind: ImageKind;
}

/** `hash` is 32 hexadecimal digits of what is in the file. A drawing fills the room, pixels are never stretched. */
export function logoId(hash: string, { kind, size }: { kind: ImageKind; size: Size }): string {
  const fit = Math.min(ROOM.width / size.width, ROOM.height / size.height, kind === 'svg' ? Infinity : 1);
  const [width, height] = [size.width, size.height].map((side) => Math.max(1, Math.round(side * fit)));
  return `${hash}-${width}x${height}.${kind}`;
}

/** What the id of a logo says; undefined for a text that is none. */
export function logoFacts(id: string): LogoFacts | undefined {
  const [, width, height, kind] = LOGO_ID.exec(id) ?? [];
  const known = (['png', 'jpeg', 'webp', 'svg'] as const).find((one) => one === kind);
  return known && { width: Number(width), height: Number(height), kind: known };
}
