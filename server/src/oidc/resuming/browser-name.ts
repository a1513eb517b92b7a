import type { IncomingMessage } from 'node:http';
import { cookieNames } from '../../platform/http/cookies.ts';
import { cookieOf } from '../../platform/http/front-door.ts';
import { random } from '../../platform/random.ts';

const fresh = new WeakMap<IncomingMessage, string>();

/**
 * A browser's name for itself, by which its interactions and links know it: from its cookie, or the one
 * that the answer to this request has to give it.
 */
export function browserNameOf(request: IncomingMessage, origin: URL): { token: string; isNew: boolean } {
  const known = cookieOf(request, cookieNames(origin).browser);
  if (known) return { token: known, isNew: false };
  const token = fresh.get(request) ?? random.token(128);
  fresh.set(request, token);
  return { token, isNew: true };
}

/** A year; it only says that it is the same browser. */
const BROWSER_COOKIE_AGE = 31_536_000;

export function browserCookie(origin: URL, token: string): string {
  const secure = origin.protocol === 'https:' ? '; Secure' : '';
  return `${cookieNames(origin).browser}=${token}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${BROWSER_COOKIE_AGE}${secure}`;
}
