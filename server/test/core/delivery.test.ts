import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  blocksMail,
  DELIVERY_STATES,
  type DeliveryState,
  deliveryStateOf,
  isLost,
  laterOf,
  suppresses,
} from '../../src/core/delivery.ts';

const state = fc.constantFrom(...DELIVERY_STATES);

describe('What is known of a mail', () => {
  it('is the same in whatever order the news arrive, and however often', () => {
    fc.assert(
      fc.property(fc.array(state), fc.func(fc.nat()), (news, shuffle) => {
        const after = (list: DeliveryState[]) => list.reduce(laterOf, 'queued');
        const shuffled = [...news, ...news].sort((a, b) => shuffle(a) - shuffle(b));
        assert.equal(after(shuffled), after(news));
      }),
    );
  });

  it('never goes back', () => {
    fc.assert(
      fc.property(state, state, (known, news) => {
        const next = laterOf(known, news);
        assert.ok(DELIVERY_STATES.indexOf(next) >= DELIVERY_STATES.indexOf(known));
        assert.ok(next === known || next === news);
      }),
    );
  });

  const table: [DeliveryState, DeliveryState, DeliveryState][] = [
    ['queued', 'delivered', 'delivered'],
    ['delivered', 'accepted', 'delivered'],
    ['delivered', 'deferred', 'delivered'],
    ['deferred', 'delivered', 'delivered'],
    ['bounced_soft', 'delivered', 'delivered'],
    ['delivered', 'bounced_hard', 'bounced_hard'],
    ['bounced_hard', 'delivered', 'bounced_hard'],
    ['bounced_hard', 'bounced_soft', 'bounced_hard'],
    ['delivered', 'complained', 'complained'],
    ['failed', 'suppressed', 'suppressed'],
    ['complained', 'failed', 'complained'],
  ];
  for (const [known, news, next] of table)
    it(`is ${next} when it was ${known} and ${news} is heard`, () =>
      assert.equal(laterOf(known, news), next));

  it('begins with its hand-over, and goes on with what is reported', () => {
    const of = (handover: string, tries: number, reported?: DeliveryState) =>
      deliveryStateOf({ state: handover, tries, reported });
    assert.deepEqual(
      [
        of('queued', 0),
        of('queued', 2),
        of('sending', 1),
        of('unclear', 1),
        of('sent', 1),
        of('failed', 1),
        of('dropped', 3),
      ],
      ['queued', 'deferred', 'queued', 'queued', 'accepted', 'failed', 'failed'],
    );
    assert.equal(of('held', 0), 'accepted');
    assert.equal(of('sent', 1, 'bounced_hard'), 'bounced_hard');
    assert.equal(of('unclear', 1, 'delivered'), 'delivered');
  });

  it('is trouble for a person, a reason to list an address, and one to leave it alone', () => {
    const which = (judge: (one: DeliveryState) => boolean) => DELIVERY_STATES.filter(judge);
    assert.deepEqual(which(isLost), ['bounced_soft', 'failed', 'suppressed', 'bounced_hard']);
    assert.deepEqual(which(suppresses), ['suppressed', 'bounced_hard', 'complained']);
    assert.deepEqual(
      which((one) => suppresses(one) && blocksMail(one)),
      ['bounced_hard'],
    );
  });
});
