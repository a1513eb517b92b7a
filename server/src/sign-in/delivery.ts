import type { Attempt } from '../core/attempt.ts';
import { type DeliveryState, deliveryStateOf, isLost } from '../core/delivery.ts';
import type { Instant } from '../core/ids.ts';
import { SECOND } from '../core/units.ts';
import { latestMailOf } from '../mail/store.ts';
import type { SettingValues } from '../settings/definitions.ts';
import type { Delivery } from './code-page.ts';
import type { Parts } from './sign-in.ts';

/** Good news waits for this long, so that a mail that was never meant to leave has had the same news at the same time. */
const TOLD_AFTER = 3 * SECOND;

/** No mail server has an answer as soon; the page that follows the form need not ask for it. */
const NO_NEWS_FOR = 100;

/**
 * What is known of an attempt's newest mail, for the browser that asked: what the mail server has said, and what
 * the provider has reported since. Where not every
 * address may sign up, trouble is not told: only addresses that may would have it.
 */
export async function deliveryOf(parts: Parts, attempt: Attempt): Promise<Delivery> {
  const askedAt = attempt.mailedAt.at(-1) ?? attempt.createdAt;
  if (Math.abs(parts.clock.now() - askedAt) < NO_NEWS_FOR) return 'queued';
  const mail = await parts.database.read((q) => latestMailOf(q, attempt.id));
  if (mail === undefined) return 'queued';
  return told(mail, parts.settings.snapshot(), parts.clock.now());
}

function told(
  mail: NonNullable<Awaited<ReturnType<typeof latestMailOf>>>,
  settings: SettingValues,
  now: Instant,
): Delivery {
  const state = shownState(deliveryStateOf(mail));
  if ((state === 'deferred' || state === 'failed') && isOpenToAll(settings)) return state;
  return state === 'queued' || now - mail.createdAt < TOLD_AFTER ? 'queued' : 'accepted';
}

/** In the few words that a person needs; whether it was delivered they see in their inbox. */
function shownState(state: DeliveryState): Delivery {
  if (isLost(state)) return 'failed';
  return state === 'queued' || state === 'deferred' ? state : 'accepted';
}

function isOpenToAll(settings: SettingValues): boolean {
  return (
    settings['sign_up.policy'] === 'open' &&
    settings['sign_up.allowed_domains'].length === 0 &&
    settings['sign_up.blocked_domains'].length === 0
  );
}
