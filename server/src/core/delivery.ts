import { DAY } from './units.ts';

/**
 * What is known of a mail, in the order in which one piece of news replaces another: what is further down
 * is never taken back by what is further up, in whatever order the two arrive.
 */
export const DELIVERY_STATES = [
  'queued',
  'accepted',
  'deferred',
  'bounced_soft',
  'failed',
  'suppressed',
  'delivered',
  'bounced_hard',
  'complained',
] as const;

export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** Why an address is on the list of suppressions. */
export type SuppressionReason = 'bounced_hard' | 'complained' | 'suppressed';

/** A mailbox that does not exist may be made the week after; until then a mail only harms the sender's name. */
export const BOUNCE_BLOCKS_FOR = 7 * DAY;

export function isDeliveryState(text: string): text is DeliveryState {
  return DELIVERY_STATES.some((state) => state === text);
}

/** The state after the news: never an earlier one. */
export function laterOf(known: DeliveryState, news: DeliveryState): DeliveryState {
  return DELIVERY_STATES.indexOf(news) > DELIVERY_STATES.indexOf(known) ? news : known;
}

/** What is known of a mail: by its hand-over, and by what its provider has reported since. */
export function deliveryStateOf(mail: {
  readonly state: string;
  readonly tries: number;
  readonly reported: DeliveryState | undefined;
}): DeliveryState {
  return laterOf(handedOver(mail), mail.reported ?? 'queued');
}

function handedOver({ state, tries }: { state: string; tries: number }): DeliveryState {
  switch (state) {
    case 'queued':
      return tries > 0 ? 'deferred' : 'queued';
    case 'sending':
    case 'unclear':
      return 'queued';
    case 'failed':
    case 'dropped':
      return 'failed';
    default:
      return 'accepted';
  }
}

/** Whether the mail will not come, as far as anybody knows. */
export function isLost(state: DeliveryState): boolean {
  return state === 'bounced_soft' || state === 'bounced_hard' || state === 'suppressed' || state === 'failed';
}

/** Whether news of this kind puts the address on the list of suppressions. */
export function suppresses(state: DeliveryState): state is SuppressionReason {
  return state === 'bounced_hard' || state === 'complained' || state === 'suppressed';
}

/**
 * Only a mailbox that does not exist gets no mail. Who has complained asks for a code all the same, and what a
 * provider suppresses it refuses by itself, while another one may deliver.
 */
export function blocksMail(reason: SuppressionReason): boolean {
  return reason === 'bounced_hard';
}
