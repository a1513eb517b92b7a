import type { Instant } from '../../core/ids.ts';
import { MINUTE } from '../../core/units.ts';
import { clockTime, type Words } from '../../platform/words/words.ts';
import type { Data } from './plan.ts';
import { type MailKind, type VariableName, vocabulary } from './variables.ts';

/** What a preview is made of beside what is invented. */
export interface SampleOf {
  readonly words: Words;
  readonly appName: string;
  readonly origin: URL;
  readonly logoUrl?: string | undefined;
}

const AT: Instant = Date.UTC(2026, 0, 15, 14, 32);
const VALID_MS = 10 * MINUTE;

/** One invented mail of a kind: every variable of it has a text. */
export function sampleData(kind: MailKind, { words, appName, origin, logoUrl }: SampleOf): Data {
  const known = vocabulary(kind);
  const all: Record<VariableName, string> = {
    code: '482913',
    link: new URL('/l/q8Zk3vX0b2NfT7yLr1CwAg', origin).href,
    not_me_link: new URL('/not-me/q8Zk3vX0b2NfT7yLr1CwAg', origin).href,
    'app.name': appName,
    'app.logo_url': logoUrl ?? '',
    host: origin.host,
    'user.email': 'ada@example.com',
    expires_in: words.minutes(VALID_MS),
    expires_minutes: String(VALID_MS / MINUTE),
    'request.browser': 'Firefox',
    'request.os': 'Linux',
    'request.country': words.country('FR'),
    'request.ip': '203.0.113.7',
    'request.time': clockTime(AT),
    locale: words.lang,
    dir: words.dir,
  };
  return new Map(Object.entries(all).filter(([name]) => known.has(name)));
}
