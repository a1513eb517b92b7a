import type { AccentSet, Accents } from '../../core/branding/accents.ts';
import { colourRules } from './page-style.ts';

const NAMES = ['act', 'act2', 'on', 'tint', 'glow'] as const satisfies readonly (keyof AccentSet)[];

/** The style sheet that gives a page the colours of a brand, as the page's own gives it ours. */
export function brandStyle({ light, dark }: Accents): string {
  return colourRules(Object.fromEntries(NAMES.map((name) => [name, [light[name], dark[name]] as const])));
}

const ANY = Object.fromEntries(NAMES.map((name) => [name, ['COLOUR', 'COLOUR'] as const]));
const STYLE = colourRules(ANY)
  .replace(/[(){}]/g, '\\$&')
  .replaceAll('COLOUR', '#[\\da-f]{6}');
const IN_HEAD = new RegExp(`</style><style>(${STYLE})</style>\n</head>`);

/**
 * The brand's style sheet in the head of a page, where `page` puts it. Only colours pass: what anybody might
 * have brought into the markup is not found.
 */
export function brandStyleIn(markup: string): string | undefined {
  return IN_HEAD.exec(markup)?.[1];
}
