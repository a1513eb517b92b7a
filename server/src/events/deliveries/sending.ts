import { SECOND } from '../../core/units.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Outbound } from '../../platform/http/outbound.ts';
import type { Carriers, Delivery } from './delivery.ts';
import { type Answered, retryAfterMs } from './schedule.ts';

/** A receiver that has not answered by then has failed. */
export const ANSWER_WITHIN = 10 * SECOND;

/** What a reason may have of another program's words. */
const REASON_MAX = 200;

/** What one try came to. Undefined: nobody wants the delivery any more. Never rejects. */
export async function sendOnce(
  parts: { carriers: Carriers; outbound: Outbound; clock: Clock },
  delivery: Delivery,
): Promise<Answered | undefined> {
  const at = parts.clock.now();
  const spent = () => ({ at, ms: Math.max(0, parts.clock.now() - at) });
  try {
    const request = await parts.carriers[delivery.kind].prepare(delivery);
    if (request === undefined) return undefined;
    const { status, headers } = await parts.outbound({ ...request, method: 'POST', within: ANSWER_WITHIN });
    const ok = status >= 200 && status < 300;
    const pause = retryAfterMs(headers['retry-after'], parts.clock.now());
    return {
      ...spent(),
      status,
      ok,
      ...(!ok && { reason: reasonOf(status) }),
      ...(pause !== undefined && { retryAfterMs: pause }),
    };
  } catch (failure) {
    const reason = failure instanceof Error ? failure.message : String(failure);
    return { ...spent(), ok: false, reason: reason.slice(0, REASON_MAX) };
  }
}

function reasonOf(status: number): string {
  if (status >= 300 && status < 400) return `answered ${status}: redirects are not followed`;
  if (status === 410) return 'answered 410: it is gone for good';
  return `answered ${status}`;
}
