import { type AppBrowser, formsOf, type Landing } from './app-client.ts';

/** The authorization request that the forms of a page carry, sealed. */
export function sealedIn(page: Landing): string {
  const sealed = formsOf(page.body).find(({ fields }) => fields.request)?.fields.request;
  if (sealed === undefined) throw new Error('no form of this page carries a request');
  return sealed;
}

/** Posts as a browser does: a 307 is the same form once more, a 303 a page to open. */
export async function postOn(
  browser: AppBrowser,
  url: string,
  fields: Record<string, string>,
): Promise<Landing> {
  const answer = await browser.post(url, fields);
  const location = answer.headers.get('location');
  if (location === null || answer.away) return answer;
  return answer.status === 307 ? postOn(browser, location, fields) : browser.open(location);
}

/** Where a sign-in has come to at the app: its address there with the parameters, however they travel. */
export function answerOf(landing: Landing): Record<string, string> {
  const { away } = landing;
  if (away === undefined) return {};
  return Object.fromEntries(new URLSearchParams(away.hash ? away.hash.slice(1) : away.search));
}
