/** What a mail and a link page say of the browser that asked, and in which language. */
export interface Requester {
  readonly browser?: string;
  readonly os?: string;
  readonly ip?: string;
  /** ISO 3166, as a trusted proxy tells it. */
  readonly country?: string;
  /** The language of the page, and so of the mail (BCP 47). */
  readonly language?: string;
}

/** Names with what finds them, and their version where they tell it. */
const BROWSERS: ReadonlyArray<readonly [RegExp, string]> = [
  [/\bEdgA?\/([0-9.]*)/, 'Edge'],
  [/\bOPR\/([0-9.]*)/, 'Opera'],
  [/\bSamsungBrowser\/([0-9.]*)/, 'Samsung Internet'],
  [/\b(?:Firefox|FxiOS)\/([0-9.]*)/, 'Firefox'],
  [/\b(?:Chrome|CriOS|HeadlessChrome)\/([0-9.]*)/, 'Chrome'],
  [/\bSafari\//, 'Safari'],
];

const SYSTEMS: ReadonlyArray<readonly [RegExp, string]> = [
  [/\biPhone\b(?:[^)]*? OS ([0-9_]+))?/, 'iPhone'],
  [/\biPad\b(?:[^)]*? OS ([0-9_]+))?/, 'iPad'],
  [/\bAndroid\b ?([0-9.]*)/, 'Android'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bWindows\b(?: NT ([0-9.]+))?/, 'Windows'],
  [/\bMac OS X\b ?([0-9_.]*)/, 'macOS'],
  [/\bLinux\b/, 'Linux'],
];

const AGENT_MAX = 400;

/** Reads a User-Agent only for names we know: nothing that a stranger wrote reaches a mail. */
export function describeRequester(userAgent: string, ip: string): Requester {
  const agent = userAgent.slice(0, AGENT_MAX);
  const browser = BROWSERS.find(([pattern]) => pattern.test(agent))?.[1];
  const os = SYSTEMS.find(([pattern]) => pattern.test(agent))?.[1];
  return { ...(browser && { browser }), ...(os && { os }), ...(ip && { ip }) };
}

export type DeviceType = 'desktop' | 'mobile' | 'tablet' | 'other';

/** The browser that a session began in; empty where it did not tell. */
export interface Device {
  readonly os: string;
  readonly osVersion: string;
  readonly browser: string;
  readonly browserVersion: string;
  readonly type: DeviceType;
  readonly ip: string;
}

/** The same with versions: names that we know and digits, nothing else of what was sent. */
export function describeDevice(userAgent: string, ip: string): Device {
  const agent = userAgent.slice(0, AGENT_MAX);
  const browser = BROWSERS.find(([pattern]) => pattern.test(agent));
  const os = SYSTEMS.find(([pattern]) => pattern.test(agent));
  const safari = browser?.[1] === 'Safari' ? /\bVersion\/([0-9.]+)/ : browser?.[0];
  return {
    os: os?.[1] ?? '',
    osVersion: versionIn(agent, os?.[0]),
    browser: browser?.[1] ?? '',
    browserVersion: versionIn(agent, safari),
    type: typeOf(agent, os?.[1]),
    ip,
  };
}

function versionIn(agent: string, pattern: RegExp | undefined): string {
  const found = pattern?.exec(agent)?.[1] ?? '';
  return /^[0-9]{1,5}(?:\.[0-9]{1,5}){0,3}/.exec(found.replaceAll('_', '.'))?.[0] ?? '';
}

function typeOf(agent: string, os: string | undefined): DeviceType {
  if (os === undefined) return 'other';
  if (os === 'iPad') return 'tablet';
  if (os === 'Android') return /\bMobile\b/.test(agent) ? 'mobile' : 'tablet';
  return os === 'iPhone' ? 'mobile' : 'desktop';
}
