import { type Answer, Browser, send } from './http.ts';
import type { Sink } from './sink.ts';

export interface Target {
  readonly origin: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly redirectUri: string;
}

/** One sign-in, from a cold cookie jar to the tokens. Gives how many HTTP requests it took, the app's callback included. */
export type SignIn = (target: Target, number: number) => Promise<number>;

/** Ours: authorize, page, start, the mail with its code, verify, callback, token. */
export function signInByCode(sink: Sink): SignIn {
  return async (target, number) => {
    const email = `person-${process.pid}-${number}@example.com`;
    const browser = new Browser(target.origin);
    const begun = await browser.get(authorizePath(target, email));
    const at = locationOf(begun);
    expect((await browser.get(at)).status === 200, 'the page');
    expect((await browser.post(`${at}/start`, { email, step: '0' })).status === 200, 'the start');
    const code = codeIn(await sink.mailTo(email));
    const proved = await browser.post(`${at}/code`, { code, step: '1' });
    expect(proved.status === 200, 'the code');
    await exchange(target, callbackIn(proved.body));
    return browser.requests + 2;
  };
}

/** People who look at their page: the one that asks for the address, or the one that waits for the code. */
export async function watchPages(target: Target, visitors: number): Promise<SignIn> {
  const pages: { browser: Browser; at: string }[] = [];
  for (let number = 0; number < visitors; number += 1) {
    const email = `reader-${process.pid}-${number}@example.com`;
    const browser = new Browser(target.origin);
    const at = locationOf(await browser.get(authorizePath(target, email)));
    if (number % 2 === 1) await browser.post(`${at}/start`, { email, step: '0' });
    pages.push({ browser, at });
  }
  return async (_target, number) => {
    const { browser, at } = pages[number % pages.length] ?? { browser: new Browser(target.origin), at: '' };
    expect((await browser.get(at)).status === 200, 'a page');
    return 1;
  };
}

/** The floor: the library alone, with a login that asks nothing. */
export const signInAtFloor: SignIn = async (target, number) => {
  const browser = new Browser(target.origin);
  const begun = await browser.get(authorizePath(target, `person-${number}@example.com`));
  const finished = await browser.get(locationOf(begun));
  const answered = await browser.get(locationOf(finished));
  await exchange(target, answered.headers.location ?? '');
  return browser.requests + 2;
};

function authorizePath(target: Target, email: string): string {
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: target.clientId,
    redirect_uri: target.redirectUri,
    scope: 'openid email',
    state: 'a-state-of-the-app',
    login_hint: email,
  });
  return `/oauth/authorize?${query}`;
}

function locationOf(answer: Answer): string {
  const location = answer.headers.location;
  if (answer.status !== 303 || location === undefined)
    throw new Error(`expected a redirect, got ${answer.status}: ${answer.body.slice(0, 300)}`);
  return location.startsWith('http') ? new URL(location).pathname : location;
}

export function codeIn(mail: string): string {
  const code = /^Subject: (\d{3}) ?(\d{3})/m.exec(mail);
  if (!code) throw new Error(`no code in the subject of: ${mail.slice(0, 300)}`);
  return `${code[1]}${code[2]}`;
}

function callbackIn(page: string): string {
  const href = /<a class="button" href="([^"]+)"/.exec(page)?.[1] ?? '';
  return href
    .replace(/&#(\d+);/g, (_entity, point) => String.fromCodePoint(Number(point)))
    .replaceAll('&amp;', '&');
}

async function exchange(target: Target, callback: string): Promise<void> {
  const code = new URL(callback).searchParams.get('code') ?? '';
  const body = new URLSearchParams({
    grant_type: 'authorization_code',
    code,
    redirect_uri: target.redirectUri,
    client_id: target.clientId,
    client_secret: target.clientSecret,
  }).toString();
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const answer = await send(new URL('/oauth/token', target.origin), { method: 'POST', headers, body });
  expect(
    answer.status === 200 && answer.body.includes('id_token'),
    `the tokens (${answer.status} ${answer.body.slice(0, 200)})`,
  );
}

function expect(condition: boolean, what: string): void {
  if (!condition) throw new Error(`the benchmark did not get ${what}`);
}
