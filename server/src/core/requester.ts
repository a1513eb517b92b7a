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

const BROWSERS: ReadonlyArray<readonly [RegExp, string]> = [
  [/\bEdgA?\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\b(?:Firefox|FxiOS)\//, 'Firefox'],
  [/\b(?:Chrome|CriOS|HeadlessChrome)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
];

const SYSTEMS: ReadonlyArray<readonly [RegExp, string]> = [
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b/, 'macOS'],
  [/\bLinux\b/, 'Linux'],
];

/** Reads a User-Agent only for names we know: nothing that a stranger wrote reaches a mail. */
export function describeRequester(userAgent: string, ip: string): Requester {
  const agent = userAgent.slice(0, 400);
  const browser = BROWSERS.find(([pattern]) => pattern.test(agent))?.[1];
  const os = SYSTEMS.find(([pattern]) => pattern.test(agent))?.[1];
  return { ...(browser && { browser }), ...(os && { os }), ...(ip && { ip }) };
}
