import { createFirstBits, numberAt, shaConstants, solvePuzzle, turned } from './puzzle-script.ts';

/*
 * These functions run in the browser. Their texts are inlined into pages, so each may use only what
 * stands beside it in its list at the end of this file, and takes its data from the markup.
 */

/** Ignores a second submit of a form that is on its way; tells whether one is. */
function onceAtATime(): () => boolean {
  let sent: EventTarget | null = null;
  addEventListener('submit', (event) => {
    if (event.defaultPrevented) return;
    if (sent === event.target) event.preventDefault();
    sent = event.target;
    setTimeout(() => {
      sent = null;
    }, 5000);
  });
  addEventListener('pageshow', (event) => {
    if (event.persisted) sent = null;
  });
  return () => sent !== null;
}

/** Submits the marked form once, and only before a person's eyes: a preview or a scanner is none. */
function postItself(): void {
  const form = document.querySelector<HTMLFormElement>('form[data-self-post]');
  let posted = false;
  const post = () => {
    const seen = document.visibilityState === 'visible' && !Reflect.get(document, 'prerendering');
    if (posted || form === null || !(seen || form.dataset.selfPost === 'now')) return;
    posted = true;
    form.requestSubmit();
  };
  onceAtATime();
  document.addEventListener('visibilitychange', post);
  document.addEventListener('prerenderingchange', post);
  post();
}

/** The same reading as the server's `normaliseCode`, to know when the code is complete. */
export function codeIn(input: string, length: number, symbols: string): string | undefined {
  const ascii = (digit: string) => {
    const point = digit.codePointAt(0) ?? 0;
    let first = point;
    while (/\p{Nd}/u.test(String.fromCodePoint(first - 1))) first -= 1;
    return String((point - first) % 10);
  };
  const text = input
    .slice(0, 500)
    .normalize('NFKC')
    .replace(/\p{Nd}/gu, ascii)
    .toUpperCase();
  const typed = text.replace(/[^\p{L}\p{N}]/gu, '');
  if (new RegExp(`^[${symbols}]{${length}}$`).test(typed)) return typed;
  const edge = /[A-Z]/.test(symbols) ? '\\p{N}\\p{Script=Latin}' : '\\p{N}';
  const word = `(?<![${edge}])[${symbols}]+(?![${edge}])`;
  const words = [word, `${word}(?:[\\s\\p{Pd}]{1,3}${word})*`].flatMap(
    (each) => text.match(new RegExp(each, 'gu')) ?? [],
  );
  const found = words
    .map((each) => each.replace(/[\s\p{Pd}]/gu, ''))
    .filter((each) => each.length === length);
  return new Set(found).size === 1 ? found[0] : undefined;
}

/** Submits by itself when the code is complete, once: AutoFill fires `input` twice. */
function watchCode(): void {
  const field = document.querySelector<HTMLInputElement>('input[name=code]');
  if (field === null) return;
  let done = false;
  const look = (event: Event) => {
    if (done || ('isComposing' in event && event.isComposing)) return;
    const code = codeIn(field.value, Number(field.dataset.length), field.dataset.symbols ?? '');
    if (code === undefined) return;
    done = true;
    field.value = code;
    field.form?.requestSubmit();
  };
  field.addEventListener('input', look);
  field.addEventListener('compositionend', look);
  document.querySelector('[data-scripted]')?.removeAttribute('hidden');
}

/** Counts down to the next mail; the button keeps its focus, and the end is said once. */
function countDown(): void {
  const box = document.querySelector<HTMLElement>('[data-wait]');
  const button = box?.querySelector('button');
  const shown = box?.querySelector<HTMLElement>('[data-left]');
  const status = box?.querySelector<HTMLElement>('[role=status]');
  const end = performance.now() + Number(box?.dataset.wait) * 1000;
  if (!box || !button || !shown || !status || !(end > performance.now())) return;
  const unit = new Intl.NumberFormat(`${document.documentElement.lang}-u-nu-latn`, {
    style: 'unit',
    unit: 'second',
    unitDisplay: 'long',
  });
  let waiting = true;
  const tick = () => {
    const left = Math.ceil((end - performance.now()) / 1000);
    waiting = left > 0;
    shown.hidden = !waiting;
    shown.textContent = (shown.dataset.left ?? '').replace('{}', unit.format(left));
    button.setAttribute('aria-disabled', String(waiting));
    if (waiting) setTimeout(tick, 1000);
    else status.textContent = status.dataset.end ?? '';
  };
  box.addEventListener('submit', (event) => {
    if (waiting) event.preventDefault();
  });
  tick();
}

/**
 * Asks whether the sign-in went on elsewhere, as with the link in another tab, and then goes on here; and
 * what became of the mail.
 */
function follow(home: string, busy: () => boolean): void {
  let wait = 2000;
  let timer = 0;
  let current: AbortController | undefined;
  const news = document.querySelector<HTMLElement>('[data-now]');
  const later = () => {
    timer = window.setTimeout(ask, wait);
    wait = Math.min(wait * 1.15, 10_000);
  };
  const ask = async () => {
    clearTimeout(timer);
    current?.abort();
    if (document.visibilityState === 'hidden') return;
    const mine = new AbortController();
    current = mine;
    setTimeout(() => mine.abort(), 6000);
    const { state, delivery } = await fetch(`${home}/status`, { cache: 'no-store', signal: mine.signal })
      .then((answer) => (answer.ok ? answer.json() : { state: 'pending' }))
      .catch(() => ({ state: 'pending' }));
    if (current !== mine) return;
    const moved = state !== 'pending' || (delivery === 'failed' && news?.dataset.now !== 'failed');
    if (news) news.textContent = news.dataset[delivery] ?? news.textContent;
    if (!moved || busy()) later();
    else location.replace(home);
  };
  const atOnce = () => {
    wait = 2000;
    ask();
  };
  document.addEventListener('visibilitychange', atOnce);
  addEventListener('pageshow', (event) => {
    if (event.persisted) atOnce();
  });
  later();
}

/** Shows moments in the reader's own time. */
function localTimes(): void {
  for (const time of document.querySelectorAll('time'))
    time.textContent = new Date(time.dateTime).toLocaleTimeString(
      `${document.documentElement.lang}-u-nu-latn`,
      { hour: '2-digit', minute: '2-digit' },
    );
}

function runCodePage(): void {
  localTimes();
  countDown();
  watchCode();
  const home = document.querySelector<HTMLElement>('main')?.dataset.home ?? '';
  // Reload and Back then look at the sign-in, where they would ask whether to send the form again.
  if (location.pathname.startsWith(`${home}/`)) history.replaceState(null, '', home);
  follow(home, onceAtATime());
}

function runPuzzlePage(): void {
  onceAtATime();
  solvePuzzle();
}

/** The scripts that a page can carry, as they are inlined and hashed. */
export const pageScripts = {
  'self-post': inlined(postItself, [onceAtATime]),
  'code-entry': inlined(runCodePage, [onceAtATime, codeIn, watchCode, countDown, follow, localTimes]),
  times: inlined(localTimes, []),
  puzzle: inlined(runPuzzlePage, [onceAtATime, numberAt, turned, shaConstants, createFirstBits, solvePuzzle]),
} as const;

export type PageScript = keyof typeof pageScripts;

function inlined(run: () => void, parts: ReadonlyArray<{ toString(): string }>): string {
  const text = `(()=>{"use strict";${parts.join('\n')}\n(${run})()})()`;
  return text.replace(/^ +/gm, '').replace(/\n+/g, '\n').replace(/ {2,}/g, ' '); // types leave blanks
}
