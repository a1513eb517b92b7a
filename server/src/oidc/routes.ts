import { domainToASCII } from 'node:url';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { domainOf, type Email, parseEmail } from '../core/email.ts';
import { describeRequester } from '../core/requester.ts';
import { suggestAddress } from '../core/typo.ts';
import { SECOND } from '../core/units.ts';
import { countryOf, sourceOf } from '../platform/http/addresses.ts';
import { cookieNames } from '../platform/http/cookies.ts';
import { type Form, parseForm } from '../platform/http/form.ts';
import { addressOf, cookieOf, requireSameOrigin } from '../platform/http/front-door.ts';
import { type Html, pageHeaders } from '../platform/http/html.ts';
import { wordsOf } from '../platform/words/choice.ts';
import { brandOf } from '../sign-in/branding.ts';
import { deliveryOf } from '../sign-in/delivery.ts';
import type { Puzzle } from '../sign-in/guarding/puzzle.ts';
import { type PuzzlePage, puzzlePage } from '../sign-in/guarding/puzzle-page.ts';
import { interactionPath } from '../sign-in/page-parts.ts';
import { busyPage } from '../sign-in/pages.ts';
import {
  approveLink,
  confirmLink,
  enterCode,
  interactionOf,
  type LinkView,
  viewLink,
} from '../sign-in/proving.ts';
import { sealedAddress } from '../sign-in/remembering.ts';
import { type Asking, abandon, currentAttempt, resend, start } from '../sign-in/sign-in.ts';
import type { AttemptRecord } from '../sign-in/store.ts';
import { conclude, type Exchange, finish, type Lost, lostOf, type Visit, visitOf } from './dispatcher.ts';
import type { OidcParts } from './oidc.ts';
import { browserCookie, browserNameOf } from './resuming/browser-name.ts';
import { isOf } from './resuming/remains.ts';
import { answerLate, followLink, hasItsSession } from './resuming/resuming.ts';
import { aboutOf, approvalView, linkView, lostView, type Notice, pageOf } from './views.ts';

type InteractionRequest = FastifyRequest<{ Params: { uid: string } }>;
type LinkRequest = FastifyRequest<{ Params: { token: string } }>;

/** A step of the sign-in: what a form below `/interaction/:uid/` does. It never names the next step. */
interface Step {
  readonly parts: OidcParts;
  readonly visit: Visit;
  readonly form: Form;
  readonly request: InteractionRequest;
  readonly reply: FastifyReply;
}

const steps: Readonly<Record<string, (step: Step) => Promise<unknown>>> = {
  start: startStep,
  restart: restartStep,
  code: codeStep,
  resend: resendStep,
  address: addressStep,
  continue: continueStep,
  keep: (step) => agreeStep(step, { select_account: {} }),
  consent: (step) => agreeStep(step, { consent: {} }),
  again: async ({ visit, reply }) => reply.redirect(interactionPath(visit.uid), 303),
  abort: (step) =>
    concludeStep(step, { error: 'access_denied', error_description: 'the person cancelled the sign-in' }),
};

/** The hosted pages. GET and HEAD only look (house invariant 3); every change is a form from our own origin. */
export function interactionRoutes(parts: OidcParts): (app: FastifyInstance) => Promise<void> {
  return async (app) => {
    app.get('/interaction/:uid', (request: InteractionRequest, reply) => look(parts, request, reply));
    app.get('/interaction/:uid/status', (request: InteractionRequest, reply) =>
      status(parts, request, reply),
    );
    app.get('/interaction/:uid/:step', (request: InteractionRequest, reply) =>
      reply.redirect(`/interaction/${encodeURIComponent(request.params.uid)}`, 303),
    );
    for (const [name, step] of Object.entries(steps)) {
      app.post(`/interaction/:uid/${name}`, async (request: InteractionRequest, reply) => {
        requireSameOrigin(request.raw, parts.origin.origin);
        const form = parseForm(String(request.body ?? ''));
        const visit = await visitOf(parts, request.raw, request.params.uid);
        if ('lost' in visit) return comeLate({ parts, lost: visit, form, request, reply }, name);
        return step({ parts, visit, form, request, reply });
      });
    }
    app.get('/favicon.ico', async (_request, reply) =>
      reply.code(204).header('cache-control', 'max-age=86400').send(),
    );
    app.get('/l/:token', (request: LinkRequest, reply) => lookAtLink(parts, request, reply));
    app.post('/l/:token', (request: LinkRequest, reply) => useLink(parts, request, reply));
    app.post('/l/:token/approve', (request: LinkRequest, reply) => approve(parts, request, reply));
    app.post('/l/:token/again', (request: LinkRequest, reply) => leaveLink(parts, request, reply));
    app.get('/l/:token/:step', (request: LinkRequest, reply) =>
      reply.redirect(`/l/${encodeURIComponent(request.params.token)}`, 303),
    );
    app.get('/oauth/authorize/:uid', (request: InteractionRequest, reply) =>
      reply.redirect(`/interaction/${encodeURIComponent(request.params.uid)}`, 303),
    );
  };
}

async function look(parts: OidcParts, request: InteractionRequest, reply: FastifyReply): Promise<unknown> {
  const visit = await visitOf(parts, request.raw, request.params.uid);
  if ('lost' in visit) return sendPage(reply, lostView(parts, visit), visit.lost === 'done' ? 200 : 400);
  await parts.settings.current();
  const record = await currentAttempt(parts, visit.uid);
  if (record && !isFrom(parts, visit, record)) return otherBrowser(parts, visit, reply);
  return sendPage(reply, await pageOf(parts, visit, { record }));
}

/** A form whose interaction is over, or that came without its cookies. */
async function comeLate(
  at: Pick<Step, 'parts' | 'form' | 'request' | 'reply'> & { lost: Lost },
  step: string,
): Promise<unknown> {
  const { parts, lost, form, request, reply } = at;
  const again = request.url.endsWith(PROBED);
  const next = await answerLate(parts, exchangeOf(at), { step, form, lost, again });
  if (next === 'answered') return reply;
  if (next !== 'probe') return sendPage(reply, lostView(parts, next), 400);
  const { token } = browserNameOf(request.raw, parts.origin);
  return reply
    .header('set-cookie', browserCookie(parts.origin, token))
    .redirect(`${interactionPath(request.params.uid, 'again')}${PROBED}`, 307);
}

/** Says that this form was sent before, and answered with a cookie: a browser that still has none keeps none. */
const PROBED = '?cookies=set';

/** For the waiting page: `pending` until something else has become of the attempt. */
async function status(parts: OidcParts, request: InteractionRequest, reply: FastifyReply): Promise<unknown> {
  const newest = await currentAttempt(parts, request.params.uid);
  const record = newest && isOf(parts, newest, browserOf(parts, request)) ? newest : undefined;
  const delivery = record?.attempt.state === 'pending' ? await deliveryOf(parts, record.attempt) : undefined;
  return reply
    .header('cache-control', 'no-store')
    .send({ state: record?.attempt.state ?? 'none', ...(delivery && { delivery }) });
}

async function startStep(step: Step): Promise<unknown> {
  const typed = chosenAddress(step.form);
  const email = parseEmail(typed, domainToASCII);
  if (typeof email !== 'string')
    return show(step, { notice: { emailFault: email.fault, typed, anew: true }, status: 400 });
  const suggestion = step.form.has('typed') ? undefined : suggestAddress(email);
  if (suggestion !== undefined) return show(step, { notice: { typed, suggestion, anew: true } });
  if (!(await mayTakeMail(step.parts, email)))
    return show(step, { notice: { emailFault: 'no-mail', typed, anew: true }, status: 400 });
  const started = await start(step.parts, asking(step), email);
  if (started.kind === 'busy') return busy(step, started.retryAfterMs);
  if (started.kind === 'puzzle') return pose(step, 'start', started);
  rememberAddress(step, email);
  return show(step, { record: started.record });
}

/** The address in the field, or the one on the button, unless the field was changed after the page had asked. */
function chosenAddress(form: Form): string {
  const email = form.get('email') ?? '';
  const meant = email === form.get('typed') ? form.get('meant') : undefined;
  return (meant ?? email).slice(0, 400);
}

/** A new attempt for the address of the one that is over. The form names that one, so it works once. */
async function restartStep(step: Step): Promise<unknown> {
  const over = await currentAttempt(step.parts, step.visit.uid);
  if (!over) return show(step, {});
  if (step.form.get('step') !== String(over.generation)) return show(step, { record: over });
  if (over.attempt.state === 'pending') await abandon(step.parts, over.attempt.id);
  const started = await start(step.parts, asking(step), over.attempt.email);
  if (started.kind === 'busy') return busy(step, started.retryAfterMs);
  if (started.kind === 'puzzle') return pose(step, 'restart', started);
  return show(step, { record: started.record });
}

async function codeStep(step: Step): Promise<unknown> {
  const { parts, visit } = step;
  const judged = await enterCode(parts, {
    interactionUid: visit.uid,
    input: step.form.get('code') ?? '',
    source: sourceOf(addressOf(step.request.raw)),
  });
  if (judged.kind === 'none') return show(step, {});
  if (judged.kind === 'busy') return busy(step, judged.retryAfterMs);
  const { record } = judged;
  if (judged.kind === 'codes-off')
    return show(step, { record, notice: { fault: { kind: 'off' } }, status: 400 });
  if (record.attempt.state === 'satisfied') return finishStep(step, record);
  if (judged.kind === 'empty')
    return show(step, { record, notice: { fault: { kind: 'empty' } }, status: 400 });
  if (judged.outcome === 'wrong')
    return show(step, { record, notice: { fault: { kind: 'wrong', left: judged.left } }, status: 400 });
  return show(step, { record });
}

async function resendStep(step: Step): Promise<unknown> {
  const given = Number.parseInt(step.form.get('step') ?? '', 10);
  const resent = await resend(step.parts, asking(step), given);
  if (resent.kind === 'busy') return busy(step, resent.retryAfterMs);
  if (resent.kind === 'puzzle') return pose(step, 'resend', resent);
  if (resent.kind === 'none') return show(step, {});
  return show(step, {
    record: resent.record,
    notice: {
      spent: resent.kind === 'spent',
      ...((resent.kind === 'sent' || resent.kind === 'too-soon') && { asked: resent.kind }),
    },
    ...(resent.kind === 'too-soon' && { status: 429 }),
  });
}

async function addressStep(step: Step): Promise<unknown> {
  const open = await currentAttempt(step.parts, step.visit.uid);
  if (open) await abandon(step.parts, open.attempt.id);
  return show(step, { notice: { anew: true } });
}

async function continueStep(step: Step): Promise<unknown> {
  const record = await currentAttempt(step.parts, step.visit.uid);
  return record?.attempt.state === 'satisfied'
    ? finishStep(step, record)
    : show(step, { ...(record && { record }) });
}

/** Says yes for who was signed in when the page was made; where that session is over, the request begins anew. */
async function agreeStep(step: Step, result: { [prompt: string]: unknown }): Promise<unknown> {
  const { parts, visit, request } = step;
  if (await hasItsSession(parts, request.raw, visit)) return concludeStep(step, result);
  return comeLate({ ...step, lost: { ...visit, lost: 'expired' } }, 'again');
}

async function concludeStep(step: Step, result: { [prompt: string]: unknown }): Promise<unknown> {
  await conclude(step.parts, exchangeOf(step), { interaction: step.visit.interaction, result });
  return step.reply;
}

async function finishStep(step: Step, record: AttemptRecord): Promise<unknown> {
  const { parts, visit, reply } = step;
  if (!isFrom(parts, visit, record)) return otherBrowser(parts, visit, reply);
  return finishOr(step, { uid: visit.uid, record });
}

/**
 * Whether the attempt was begun in this browser. The interaction's cookie alone does not say so: it is its
 * address, which somebody may plant in another browser, or read off a screen.
 */
function isFrom(parts: OidcParts, visit: Visit, record: AttemptRecord): boolean {
  return parts.secrets.matches('browser', visit.browser, record.browserHash);
}

function otherBrowser(parts: OidcParts, visit: Visit, reply: FastifyReply): FastifyReply {
  const { words, client } = visit;
  return sendPage(reply, lostView(parts, { lost: 'cookies', words, client }), 400);
}

async function finishOr(
  at: Pick<Step, 'parts' | 'reply'> & { request: FastifyRequest },
  given: Parameters<typeof finish>[2],
): Promise<unknown> {
  const outcome = await finish(at.parts, exchangeOf(at), given);
  if (outcome === 'answered') return at.reply;
  return sendPage(at.reply, lostView(at.parts, await lostOf(at.parts, at.request.raw, given.uid)), 400);
}

function exchangeOf({ request, reply }: { request: FastifyRequest; reply: FastifyReply }): Exchange {
  return { request: request.raw, response: reply.raw, takeOver: () => reply.hijack() };
}

async function lookAtLink(parts: OidcParts, request: LinkRequest, reply: FastifyReply): Promise<unknown> {
  const { token } = request.params;
  const view = await viewLink(parts, { token, browser: browserOf(parts, request) });
  return showLink({ parts, request, reply }, view, 200);
}

async function showLink(
  { parts, request, reply }: { parts: OidcParts; request: LinkRequest; reply: FastifyReply },
  view: LinkView,
  code: number,
): Promise<unknown> {
  const { token } = request.params;
  const opened = { token, words: wordsOf(request.raw, parts), browser: browserOf(parts, request) };
  return sendPage(reply, await linkView(parts, opened, view), code);
}

async function useLink(parts: OidcParts, request: LinkRequest, reply: FastifyReply): Promise<unknown> {
  requireSameOrigin(request.raw, parts.origin.origin);
  const { token } = request.params;
  const view = await confirmLink(parts, { token, browser: browserOf(parts, request) });
  const uid = view.kind === 'here' ? interactionOf(parts, view.record) : undefined;
  if (view.kind !== 'here' || uid === undefined) return showLink({ parts, request, reply }, view, 400);
  return finishOr({ parts, request, reply }, { uid, record: view.record });
}

async function approve(parts: OidcParts, request: LinkRequest, reply: FastifyReply): Promise<unknown> {
  requireSameOrigin(request.raw, parts.origin.origin);
  const { token } = request.params;
  const number = parseForm(String(request.body ?? '')).get('number') ?? '';
  const view = await approveLink(parts, { token, number, browser: browserOf(parts, request) });
  if (view.kind !== 'approved' && view.kind !== 'mismatch')
    return showLink({ parts, request, reply }, view, 400);
  const page = await approvalView(parts, wordsOf(request.raw, parts), view);
  return sendPage(reply, page, view.kind === 'approved' ? 200 : 400);
}

/** The one next step of a link that is over, in the browser that asked for it. */
async function leaveLink(parts: OidcParts, request: LinkRequest, reply: FastifyReply): Promise<unknown> {
  requireSameOrigin(request.raw, parts.origin.origin);
  const { token } = request.params;
  const browser = browserOf(parts, request);
  const view = await viewLink(parts, { token, browser });
  const { record } = view.kind === 'unknown' ? {} : view;
  const next = record && (await followLink(parts, exchangeOf({ request, reply }), { record, browser }));
  if (next === 'answered') return reply;
  if (next) return reply.redirect(interactionPath(next.uid), 303);
  return showLink({ parts, request, reply }, view, 400);
}

function browserOf(parts: OidcParts, request: FastifyRequest): string | undefined {
  return cookieOf(request.raw, cookieNames(parts.origin).browser);
}

/** Whether the domain is worth a mail; asked only where mails really leave. */
async function mayTakeMail(parts: OidcParts, email: Email): Promise<boolean> {
  const { 'email.check_domain': checks } = await parts.settings.current();
  if (!checks || parts.mailDomains === undefined) return true;
  return (await parts.mailDomains.takesMail(domainOf(email))) !== 'no';
}

function asking(step: Step): Asking {
  const address = addressOf(step.request.raw);
  const challenge = step.form.get('challenge');
  return {
    interactionUid: step.visit.uid,
    browser: step.visit.browser,
    clientId: step.visit.client.id,
    request: step.visit.request,
    source: sourceOf(address),
    requester: {
      ...describeRequester(step.request.headers['user-agent'] ?? '', address),
      ...countryOf(step.request.raw),
      language: step.visit.words.lang,
    },
    ...(challenge !== undefined && { solution: { challenge, answer: step.form.get('answer') ?? '' } }),
  };
}

async function show(
  step: Step,
  given: { record?: AttemptRecord; notice?: Notice; status?: number },
): Promise<unknown> {
  const page = await pageOf(step.parts, step.visit, {
    record: given.record,
    ...(given.notice && { notice: given.notice }),
  });
  return sendPage(step.reply, page, given.status ?? 200);
}

/** Kept for a year in this browser where the person ticked it, forgotten where they did not. */
function rememberAddress(step: Step, email: Email): void {
  const { parts, form, reply } = step;
  const name = cookieNames(parts.origin).address;
  const wanted = form.get('remember') === '1';
  if (!wanted && cookieOf(step.request.raw, name) === undefined) return;
  const value = wanted ? sealedAddress(parts.secrets, email) : '';
  const secure = parts.origin.protocol === 'https:' ? '; Secure' : '';
  const age = wanted ? 31_536_000 : 0;
  reply.header('set-cookie', `${name}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${age}${secure}`);
}

/** What a form may hold that is sent again with the answer to a puzzle. */
const RESENT_FIELDS = ['email', 'typed', 'meant', 'remember', 'step'];

function pose(step: Step, name: PuzzlePage['step'], puzzle: Puzzle): unknown {
  const { parts, visit, form, reply } = step;
  const fields = Object.fromEntries(
    RESENT_FIELDS.flatMap((field) => {
      const value = form.get(field);
      return value === undefined ? [] : [[field, value]];
    }),
  );
  const page = puzzlePage({ ...aboutOf(parts, visit), puzzle, step: name, fields });
  if (puzzle.retryAfterMs === 0) return sendPage(reply, page);
  reply.header('retry-after', Math.ceil(puzzle.retryAfterMs / SECOND));
  return sendPage(reply, page, 429);
}

function busy(step: Step, retryAfterMs: number): unknown {
  const { words, client } = step.visit;
  const { parts } = step;
  step.reply.header('retry-after', Math.ceil(retryAfterMs / SECOND));
  return sendPage(
    step.reply,
    busyPage({ words, host: parts.origin.host, brand: brandOf(parts, client.branding), retryAfterMs }),
    429,
  );
}

function sendPage(reply: FastifyReply, page: Html, code = 200): FastifyReply {
  return reply.code(code).headers(pageHeaders(page)).send(page);
}
