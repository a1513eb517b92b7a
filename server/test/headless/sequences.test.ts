import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import fc from 'fast-check';
import { LIVE_CODES_MAX, MAILS_MAX } from '../../src/core/attempt.ts';
import type { Instant } from '../../src/core/ids.ts';
import { Problem } from '../../src/core/problems.ts';
import { SECOND } from '../../src/core/units.ts';
import { onSqlite } from '../support/databases.ts';
import { type HeadlessBench, openHeadless, somebody, wrongCode } from './bench.ts';

/** One thing that somebody does; numbers choose among what there is. */
type Deed =
  | { readonly do: 'send'; readonly expiresIn: number }
  | { readonly do: 'resend'; readonly request: number }
  | { readonly do: 'wait'; readonly seconds: number }
  | { readonly do: 'guess'; readonly request: number; readonly turn: number }
  | { readonly do: 'code' | 'link'; readonly request: number; readonly mail: number };

const place = fc.nat({ max: 1 });
const deeds = fc.array(
  fc.oneof(
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('send' as const), expiresIn: fc.constantFrom(60, 120, 600) }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('resend' as const), request: place }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('wait' as const),
        seconds: fc.constantFrom(1, 29, 59, 61, 200),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('guess' as const), request: place, turn: fc.nat({ max: 6 }) }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constantFrom('code' as const, 'link' as const),
        request: place,
        mail: place,
      }),
    },
  ),
  { minLength: 4, maxLength: 24 },
);

/** A request outlives its first mail when it is renewed. */
const RENEWED: Deed[] = [
  { do: 'send', expiresIn: 60 },
  { do: 'wait', seconds: 29 },
  { do: 'resend', request: 0 },
  { do: 'wait', seconds: 59 },
  { do: 'link', request: 0, mail: 0 },
  { do: 'code', request: 0, mail: 0 },
  { do: 'code', request: 0, mail: 1 },
];

interface Mailed {
  readonly code: string;
  readonly token: string;
  readonly until: Instant;
}

/** What the world knows of a request: its mails, and what proved it when. */
interface Request {
  readonly id: string;
  readonly email: string;
  readonly expiresIn: number;
  readonly mails: Mailed[];
  readonly wrong: Set<string>;
  proof?: { readonly with: string; readonly at: Instant };
}

/** The promise, told from outside: mailed, live, the newest ones, five guesses, and once but for the minute after. */
function mayPass(
  request: Request,
  kind: 'code' | 'link',
  { mail, now }: { mail: Mailed; now: Instant },
): boolean {
  const shown = kind === 'code' ? mail.code : mail.token;
  if (request.proof) return request.proof.with === shown && now - request.proof.at < 60 * SECOND;
  const live = request.mails.slice(-LIVE_CODES_MAX).filter(({ until }) => now < until);
  const isLive = kind === 'link' ? now < mail.until : live.some(({ code }) => code === shown);
  return isLive && request.wrong.size < 5;
}

onSqlite('whatever is sent, sent again, waited for and tried', (given) => {
  let bench: HeadlessBench;
  before(async () => {
    bench = await openHeadless(given);
    await bench.decide({ 'limits.failures_per_address': 100, 'limits.mails_per_address_day': 100 });
  });
  after(() => bench.close());

  async function arrive(request: Request): Promise<void> {
    const { code = '', token = '' } = (await bench.mailsTo(request.email)).at(-1) ?? {};
    request.mails.push({ code, token, until: bench.clock.now() + request.expiresIn * SECOND });
  }

  async function attempt(call: Promise<unknown>): Promise<boolean> {
    return call.then(
      () => true,
      (failure: unknown) => {
        if (!(failure instanceof Problem)) throw failure;
        return false;
      },
    );
  }

  async function tryOne(request: Request, kind: 'code' | 'link', mail: Mailed): Promise<void> {
    const now = bench.clock.now();
    const may = mayPass(request, kind, { mail, now });
    const credential = kind === 'code' ? { code: mail.code } : { linkToken: mail.token };
    const passed = await attempt(bench.verify(credential, request.id));
    assert.equal(passed, may, `${kind} ${passed ? 'passed' : 'did not pass'}`);
    if (passed) request.proof ??= { with: kind === 'code' ? mail.code : mail.token, at: now };
    else if (kind === 'code' && !request.proof) request.wrong.add(`${request.mails.length}:${mail.code}`);
  }

  async function carryOut(deed: Deed, requests: Request[]): Promise<void> {
    if (deed.do === 'wait') return bench.clock.advance(deed.seconds * SECOND);
    if (deed.do === 'send') {
      const email = somebody();
      const { authRequestId: id, expiresIn } = await bench.send({ email, expiresIn: deed.expiresIn });
      const request: Request = { id, email, expiresIn, mails: [], wrong: new Set() };
      requests.push(request);
      return arrive(request);
    }
    const request = requests[deed.request % Math.max(1, requests.length)];
    if (!request) return;
    if (deed.do === 'resend') {
      const sent = await attempt(bench.resend(request.id));
      if (sent) await arrive(request);
      return assert.ok(request.mails.length <= MAILS_MAX);
    }
    const mail = request.mails[('mail' in deed ? deed.mail : 0) % request.mails.length];
    if (!mail) return;
    if (deed.do !== 'guess') return tryOne(request, deed.do, mail);
    const code = wrongCode(mail.code, deed.turn);
    return tryOne(request, 'code', { ...mail, code, until: 0 });
  }

  it('a code or a link passes if it was mailed, is live, and was not used more than a minute ago', async () => {
    await fc.assert(
      fc.asyncProperty(deeds, async (list) => {
        const requests: Request[] = [];
        for (const deed of list) await carryOut(deed, requests);
      }),
      { numRuns: 200, examples: [[RENEWED]] },
    );
  });
});
