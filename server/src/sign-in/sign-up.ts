import { domainOf, type Email } from '../core/email.ts';
import type { SettingValues } from '../settings/definitions.ts';

/** Whether an address that is no user yet may become one: policy, then blocked, then allowed domains. */
export function signUpAllowed(email: Email, settings: SettingValues): boolean {
  const domain = domainOf(email);
  const allowed = settings['sign_up.allowed_domains'];
  if (settings['sign_up.policy'] === 'closed') return false;
  if (settings['sign_up.blocked_domains'].some((pattern) => domainMatches(domain, pattern))) return false;
  return allowed.length === 0 || allowed.some((pattern) => domainMatches(domain, pattern));
}

/** `example.com` is that domain; `*.example.com` is every domain below it, not itself. */
function domainMatches(domain: string, pattern: string): boolean {
  const wanted = pattern.toLowerCase();
  return wanted.startsWith('*.') ? domain.endsWith(wanted.slice(1)) : domain === wanted;
}
