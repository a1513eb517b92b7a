import { type Email, parseEmail } from './email.ts';
import { ENDING_SLIPS, MAIL_HOSTS, mailHostOf, NEAR_BUT_GENUINE, ONE_ENDING } from './mail-hosts.ts';

/**
 * The address that was probably meant when the domain looks mistyped; undefined when it looks right. A guess
 * to ask about, never a reason to refuse.
 */
export function suggestAddress(email: Email): Email | undefined {
  const at = email.lastIndexOf('@');
  const domain = email.slice(at + 1);
  const meant = meantDomain(domain);
  if (meant === undefined || meant === domain) return undefined;
  const address = parseEmail(`${email.slice(0, at)}@${meant}`, (ascii) => ascii);
  return typeof address === 'string' ? address : undefined;
}

function meantDomain(typed: string): string | undefined {
  if (isGenuine(typed)) return undefined;
  const domain = typed.replace(/^www\.(?=.*\.)/, '');
  if (domain !== typed && mailHostOf(domain) !== undefined) return domain;
  return onlyEnding(domain) ?? nearestHost(domain) ?? dotsMoved(domain) ?? endingCorrected(domain);
}

function isGenuine(domain: string): boolean {
  return mailHostOf(domain) !== undefined || NEAR_BUT_GENUINE.has(domain);
}

function split(domain: string): { name: string; ending: string } {
  const dot = domain.indexOf('.');
  return { name: domain.slice(0, dot), ending: domain.slice(dot + 1) };
}

/** `gmail.fr`, `gmail.co.uk`: a provider without endings for countries. */
function onlyEnding(domain: string): string | undefined {
  const { name, ending } = split(domain);
  const isEnding = /^(?:com?\.)?[a-z]{2,4}$/.test(ending);
  return isEnding && ONE_ENDING.includes(name) ? `${name}.${MAIL_HOSTS.get(name)?.[0] ?? 'com'}` : undefined;
}

/** The provider with the fewest slips in its name and ending together; the first one of equals. */
function nearestHost(domain: string): string | undefined {
  const typed = split(domain);
  const ranked = [...MAIL_HOSTS].flatMap(([name, endings]) => {
    const slips = nameSlips(typed.name, name);
    if (slips > SLIPS_MAX) return [];
    return endings.flatMap((ending) => {
      const all = slips + endingSlips(typed.ending, ending, name);
      return all <= slipsMax(name) ? [{ all, domain: `${name}.${ending}` }] : [];
    });
  });
  return ranked.toSorted((a, b) => a.all - b.all)[0]?.domain;
}

const SLIPS_MAX = 2;

function slipsMax(name: string): number {
  return name.length <= 4 ? 1 : SLIPS_MAX;
}

/** `gmai.lcom`, `gmail.c.om`: the right letters, with the dot elsewhere. */
function dotsMoved(domain: string): string | undefined {
  const letters = domain.replaceAll('.', '');
  for (const [name, endings] of MAIL_HOSTS)
    for (const ending of endings)
      if (name.length >= 5 && letters === `${name}${ending.replaceAll('.', '')}`) return `${name}.${ending}`;
  return undefined;
}

/** A domain that nobody here knows, under an ending that does not exist. */
function endingCorrected(domain: string): string | undefined {
  const { name, ending } = split(domain);
  const labels = ending.split('.');
  for (const take of [2, 1]) {
    const last = labels.slice(-take).join('.');
    const meant = labels.length >= take ? ENDING_SLIPS.get(last) : undefined;
    if (meant !== undefined) return [name, ...labels.slice(0, labels.length - take), meant].join('.');
  }
  return undefined;
}

/** One slip at most, and none that makes another country's ending. */
function endingSlips(typed: string, meant: string, name: string): number {
  if (typed === meant) return 0;
  if (ENDING_SLIPS.get(typed) === meant) return 1;
  const isCountry = meant.length === 2;
  const isSwapped = typed.length === meant.length && sorted(typed) === sorted(meant);
  if (isCountry) return isSwapped || repeatsCollapsed(typed) === meant ? 1 : Number.POSITIVE_INFINITY;
  const isClose = name.length > 2 && sameCountry(typed, meant) && distance(typed, meant) <= 1;
  return isClose ? 1 : Number.POSITIVE_INFINITY;
}

/** `co.il` is no slip of `co.uk`. */
function sameCountry(typed: string, meant: string): boolean {
  return !meant.includes('.') || typed.split('.').at(-1) === meant.split('.').at(-1);
}

/** How many slips of a finger lead from a provider's name to what was typed; infinite when it is another name. */
function nameSlips(typed: string, name: string): number {
  if (typed === name) return 0;
  if (name.length <= 2 || /\d/.test(name)) return Number.POSITIVE_INFINITY;
  const slips = distance(typed, name);
  if (slips > SLIPS_MAX || !beginsAlike(typed, name, slips)) return Number.POSITIVE_INFINITY;
  if (name.length <= 4) return isShortSlip(typed, name) ? 1 : Number.POSITIVE_INFINITY;
  if (isOtherWord(typed, name)) return Number.POSITIVE_INFINITY;
  if (slips === SLIPS_MAX && name.length <= 6)
    return isTwofoldSlip(typed, name) ? 2 : Number.POSITIVE_INFINITY;
  return slips;
}

/** Short names have short neighbours: only letters that changed places or were struck twice. */
function isShortSlip(typed: string, name: string): boolean {
  const isSwapped = typed.length === name.length && sorted(typed) === sorted(name);
  const isStruckTwice = typed.length > name.length && repeatsCollapsed(typed) === repeatsCollapsed(name);
  return (isSwapped && distance(typed, name) === 1) || isStruckTwice;
}

/** Two slips in five or six letters: changed places, keys beside the right ones, or keys struck twice. */
function isTwofoldSlip(typed: string, name: string): boolean {
  if (sorted(typed) === sorted(name)) return true;
  if (repeatsCollapsed(typed) === repeatsCollapsed(name)) return true;
  return typed.length === name.length && [...typed].every((key, at) => isSlip(key, name.charAt(at)));
}

/**
 * One letter is another one from far off on the keyboard, and no neighbour struck twice: `yahho` is a slip of
 * `yahoo`, `grail` none of `gmail`.
 */
function isOtherWord(typed: string, name: string): boolean {
  if (typed.length !== name.length) return false;
  const wrong = [...typed].map((_, index) => index).filter((at) => typed.charAt(at) !== name.charAt(at));
  const [at] = wrong;
  if (at === undefined || wrong.length > 1) return false;
  const key = typed.charAt(at);
  const isStruckTwice = key === typed.charAt(at - 1) || key === typed.charAt(at + 1);
  return !isStruckTwice && !isSlip(key, name.charAt(at));
}

/** People rarely miss the first letter, and words that differ there are often other words. */
function beginsAlike(typed: string, name: string, slips: number): boolean {
  if (typed.charAt(0) === name.charAt(0)) return true;
  if (slips > 1) return false;
  if (name.length > 6 || sorted(typed) === sorted(name)) return true;
  const rest = typed.slice(1);
  if (typed === name.slice(1)) return name === 'yahoo';
  return isSlip(typed.charAt(0), name.charAt(0)) && (rest === name.slice(1) || rest === name);
}

const KEY_ROWS = ['1234567890', 'qwertyuiop', 'asdfghjkl', 'zxcvbnm'];

/** Pairs that are not neighbours on the keyboard but sound, look or are placed alike elsewhere. */
const ALIKE = new Set([
  'il',
  'l1',
  'i1',
  'o0',
  'yz',
  'ae',
  'ai',
  'ao',
  'au',
  'ei',
  'eo',
  'eu',
  'io',
  'iu',
  'ou',
]);

/** The same key, one beside it, or one that is easily taken for it. */
function isSlip(typed: string, meant: string): boolean {
  if (typed === meant || ALIKE.has(`${typed}${meant}`) || ALIKE.has(`${meant}${typed}`)) return true;
  const [a, b] = [keyAt(typed), keyAt(meant)];
  if (a === undefined || b === undefined) return false;
  // Each row begins half a key further right than the one above it.
  const [across, down] = [a.column + a.row / 2 - (b.column + b.row / 2), a.row - b.row];
  return Math.abs(down) <= 1 && Math.abs(across) <= 1;
}

function keyAt(key: string): { row: number; column: number } | undefined {
  const row = KEY_ROWS.findIndex((keys) => keys.includes(key));
  return row < 0 ? undefined : { row, column: KEY_ROWS[row]?.indexOf(key) ?? 0 };
}

/**
 * Damerau-Levenshtein (optimal string alignment): insertions, deletions, replacements and neighbours that
 * changed places count 1.
 */
function distance(from: string, to: string): number {
  if (Math.abs(from.length - to.length) > SLIPS_MAX) return Number.POSITIVE_INFINITY;
  let before: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let at = 1; at <= to.length; at += 1) {
      const replaced = (last[at - 1] ?? 0) + (from[row - 1] === to[at - 1] ? 0 : 1);
      const swapped = from[row - 1] === to[at - 2] && from[row - 2] === to[at - 1];
      const swap = swapped ? (before[at - 2] ?? Number.POSITIVE_INFINITY) + 1 : Number.POSITIVE_INFINITY;
      current.push(Math.min(replaced, (last[at] ?? 0) + 1, (current[at - 1] ?? 0) + 1, swap));
    }
    before = last;
    last = current;
  }
  return last.at(-1) ?? 0;
}

function sorted(word: string): string {
  return [...word].toSorted().join('');
}

function repeatsCollapsed(word: string): string {
  return word.replace(/(.)\1+/g, '$1');
}
