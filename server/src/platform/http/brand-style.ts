import type { AccentSet, Accents, Mode } from '../../core/branding/accents.ts';

const NAMES = ['act', 'act2', 'on', 'tint', 'glow'] as const satisfies readonly (keyof AccentSet)[];

/** The style sheet that gives a page the colours of a brand, as the page's own gives it ours. */
export function brandStyle(accents: Accents): string {
  const both = NAMES.map((name) => `--${name}:light-dark(${accents.light[name]},${accents.dark[name]})`);
  return `${rule(accents, 'light')}@supports (color:light-dark(red,red)){:root{${both.join(';')}}}`;
}

function rule(accents: Accents, mode: Mode): string {
  return `:root{${NAMES.map((name) => `--${name}:${accents[mode][name]}`).join(';')}}`;
}

const COLOUR = '#[\\da-f]{6}';
const RULE = NAMES.map((name) => `--${name}:${COLOUR}`).join(';');
const BOTH = NAMES.map((name) => `--${name}:light-dark\\(${COLOUR},${COLOUR}\\)`).join(';');
const STYLE = `:root\\{${RULE}\\}@supports \\(color:light-dark\\(red,red\\)\\)\\{:root\\{${BOTH}\\}\\}`;
const IN_HEAD = new RegExp(`</style><style>(${STYLE})</style>\n</head>`);

/**
 * The brand's style sheet in the head of a page, where `page` puts it. Only colours pass: what anybody might
 * have brought into the markup is not found.
 */
export function brandStyleIn(markup: string): string | undefined {
  return IN_HEAD.exec(markup)?.[1];
}
