import type { PageOptions } from '../support/browser.ts';

/** A way in which people see the pages. */
export interface Mode {
  readonly name: string;
  readonly look: PageOptions;
  readonly lang: string;
}

const desktop = { width: 1280 };
const phone = { width: 320 };

/** Every page is looked at in each of them; 1280 px at 400 % are 320 px of four device pixels. */
export const modes: readonly Mode[] = [
  { name: 'light', look: desktop, lang: 'en' },
  { name: 'dark', look: { ...desktop, dark: true }, lang: 'en' },
  { name: 'light, right to left (Arabic)', look: desktop, lang: 'ar' },
  { name: 'dark, 320 px, right to left (Hebrew)', look: { ...phone, dark: true }, lang: 'he' },
  { name: 'light, 320 px (German)', look: phone, lang: 'de' },
  { name: 'light, 1280 px at 400 %', look: { ...phone, height: 256, scale: 4 }, lang: 'en' },
  { name: 'forced colours', look: { ...desktop, forcedColors: true }, lang: 'en' },
];
