import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { type Words, wordsFor } from '../../src/platform/words/words.ts';
import type { TestBrowser } from '../support/browser.ts';
import { plainTexts, type Sample, still, type Texts } from '../support/page-samples.ts';
import type { PageServer } from '../support/page-server.ts';
import type { Mode } from './modes.ts';

/** What was seen of pages in one mode. */
export interface Measured {
  readonly mode: string;
  readonly pages: number;
  /** Rules of axe that found something to judge. */
  readonly rules: readonly string[];
  /** Elements times rules. */
  readonly checks: number;
  /** Rules that leave a decision to a person. */
  readonly open: readonly string[];
  readonly faults: readonly string[];
}

export interface Place {
  readonly browser: TestBrowser;
  readonly server: PageServer;
}

/** Looks at every page in one mode, as axe and as somebody with a ruler does. */
export async function measure(place: Place, mode: Mode, samples: readonly Sample[]): Promise<Measured> {
  const page = await place.browser.newPage(mode.look);
  const [rules, open, faults] = [new Set<string>(), new Set<string>(), [] as string[]];
  let checks = 0;
  for (const sample of samples) {
    await show(place, page, { sample, words: wordsFor(mode.lang) });
    const found = await page.evaluate(layoutFaults);
    const seen = await runAxe(page);
    for (const rule of seen.rules) rules.add(rule);
    for (const rule of seen.open) open.add(rule);
    checks += seen.checks;
    const more = mode.look.forcedColors ? await page.evaluate(borderFaults) : [];
    faults.push(...[...found, ...seen.violations, ...more].map((fault) => `${sample[0]}: ${fault}`));
  }
  await page.context().close();
  return { mode: mode.name, pages: samples.length, rules: [...rules], checks, open: [...open], faults };
}

/** Opens a sample. */
export async function show(
  { server }: Place,
  page: Page,
  given: { sample: Sample; words: Words; texts?: Texts },
): Promise<void> {
  const [, render] = given.sample;
  server.put('/page', { text: still(render(given.texts ?? plainTexts, given.words)) });
  await page.goto(`${server.origin}/page`);
}

interface Seen {
  rules: string[];
  open: string[];
  violations: string[];
  checks: number;
}

async function runAxe(page: Page): Promise<Seen> {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { passes, incomplete, violations } = await Reflect.get(window, 'axe').run();
    const ids = (results: { id: string }[]) => results.map(({ id }) => id);
    const all: { id: string; nodes: unknown[] }[] = [...passes, ...incomplete, ...violations];
    return {
      rules: ids(all),
      open: ids(incomplete),
      violations: violations.map((each: { id: string; help: string }) => `${each.id}: ${each.help}`),
      checks: all.reduce((sum, { nodes }) => sum + nodes.length, 0),
    };
  });
}

/** Runs in the page: nothing moves; unfolded, nothing sticks out, is cut or is too small to hit. */
export async function layoutFaults(): Promise<string[]> {
  const faults: string[] = [];
  const named = (part: Element) => `${part.tagName} "${part.textContent?.trim().slice(0, 20)}"`;
  const shifts = await new Promise<number>((resolve) => {
    const observer = new PerformanceObserver((list) => resolve(list.getEntries().length));
    observer.observe({ type: 'layout-shift', buffered: true });
    setTimeout(() => resolve(0), 20);
  });
  if (shifts > 0) faults.push('moves while it loads');
  for (const details of document.querySelectorAll('details')) details.open = true;
  if (document.documentElement.scrollWidth > innerWidth) faults.push('scrolls sideways');
  for (const part of document.querySelectorAll<HTMLElement>('main *:not(.vh), footer *')) {
    const box = part.getBoundingClientRect();
    if (box.right > innerWidth + 1 || box.left < -1) faults.push(`${named(part)} sticks out`);
    const isCut = part.clientWidth > 0 && part.scrollWidth > part.clientWidth + 1;
    if (isCut && part.tagName !== 'INPUT') faults.push(`${named(part)} is wider than its box`);
  }
  const targets = 'button, a, summary, label.tick, input:not([type=hidden],[type=checkbox])';
  for (const target of document.querySelectorAll(targets)) {
    const { height, width } = target.getBoundingClientRect();
    if (height > 0 && (height < 44 || width < 24)) faults.push(`${named(target)} is ${width} x ${height} px`);
  }
  for (const tick of document.querySelectorAll('input[type=checkbox]'))
    if (tick.getBoundingClientRect().height < 24) faults.push('a box to tick is too small');
  for (const input of document.querySelectorAll('input:not([type=hidden],[type=checkbox])'))
    if (Number.parseFloat(getComputedStyle(input).fontSize) < 16)
      faults.push('a phone would zoom into the field');
  return faults;
}

/** Runs in the page: where colours are the system's, only borders tell fields, buttons and notes from texts. */
function borderFaults(): string[] {
  return [
    ...document.querySelectorAll('button:not(.quiet), a.button, input:not([type=hidden]), .note, .shown'),
  ].flatMap((part) => {
    const { borderTopStyle, borderTopWidth, borderTopColor, backgroundColor, appearance } =
      getComputedStyle(part);
    const isDrawn = borderTopStyle === 'solid' && borderTopColor !== backgroundColor;
    if (appearance === 'auto' || (isDrawn && Number.parseFloat(borderTopWidth) >= 1)) return [];
    return [`${part.tagName}.${part.className} has no border`];
  });
}
