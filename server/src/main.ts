import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServerMetrics, type ServerMetrics } from './api/metrics.ts';
import { healthRoutes, metricsRoutes } from './api/routes.ts';
import { createGateway, type Gateway } from './api/rpc/gateway.ts';
import { servedRpcs } from './api/services/services.ts';
import { composeWebhook } from './api/webhook-payloads.ts';
import { type Rooms, type Running, runCli } from './cli/run.ts';
import { secretsFromInput } from './cli/running/asking.ts';
import { createClients } from './clients/clients.ts';
import { Problem } from './core/problems.ts';
import { type DeliveryWorker, startDeliveries } from './events/deliveries/worker.ts';
import { createInterceptors } from './events/interceptors/interceptors.ts';
import { webhookCarrier, webhookFanOut } from './events/webhooks/carrier.ts';
import { createWebhooks } from './events/webhooks/webhooks.ts';
import { webhookRoutes } from './mail/delivery/routes.ts';
import { createInbox, type Inbox } from './mail/inbox.ts';
import { startOutbox } from './mail/outbox.ts';
import { inboxRoutes } from './mail/routes.ts';
import { createMailing } from './mail/sending/mailing.ts';
import type { MailTransport } from './mail/transport.ts';
import { challengeRoutes } from './oidc/challenge/routes.ts';
import { disownRoutes } from './oidc/disowning/routes.ts';
import { createKeys } from './oidc/keys.ts';
import { createOidc, type OidcParts, routeOf } from './oidc/oidc.ts';
import { errorPage } from './oidc/pages.ts';
import { startPruning } from './oidc/pruning.ts';
import { interactionRoutes } from './oidc/routes.ts';
import { fanOutLogout, prepareLogout } from './oidc/sessions/back-channel.ts';
import { endSessionsOf } from './oidc/sessions/ending.ts';
import { type Clock, systemClock } from './platform/clock.ts';
import { type Config, environment } from './platform/config.ts';
import type { Database } from './platform/database/database.ts';
import { migrate } from './platform/database/migrate.ts';
import { openDatabase } from './platform/database/open.ts';
import { trustedProxies } from './platform/http/addresses.ts';
import { type AppParts, createApp } from './platform/http/app.ts';
import { readForm, refuseLongBody } from './platform/http/form.ts';
import { admit, pathOf } from './platform/http/front-door.ts';
import { dataHeaders, securityHeaders } from './platform/http/headers.ts';
import { pageHeaders } from './platform/http/html.ts';
import { type Handler, listen } from './platform/http/listen.ts';
import { createOutbound, type Outbound } from './platform/http/outbound.ts';
import { asProblem, problemBody } from './platform/http/problems.ts';
import { createLog, type Log } from './platform/log.ts';
import {
  createMailDomains,
  type MailDomains,
  type MailResolver,
  systemResolver,
} from './platform/mail-domains.ts';
import { newId } from './platform/random.ts';
import { createSecrets } from './platform/secrets.ts';
import { wordsOf } from './platform/words/choice.ts';
import { createSettings } from './settings/settings.ts';
import { type BrandedSite, brandOf } from './sign-in/branding.ts';
import { startWatch } from './sign-in/guarding/watch.ts';
import { composeMails } from './sign-in/mailing/composing.ts';
import { createTemplates } from './sign-in/mailing/templates.ts';
import { languageRoutes, logoRoutes } from './sign-in/routes.ts';
import type { Parts } from './sign-in/sign-in.ts';
import { createUsers } from './users/users.ts';

/** What tests hand in instead of the real thing. */
export interface StandIns {
  readonly clock?: Clock;
  readonly transport?: MailTransport;
  readonly log?: Log;
  /** Answers for the DNS; without it only mails that go to a mail server are worth a question. */
  readonly resolver?: MailResolver;
  /** Takes the requests to mail providers. */
  readonly outbound?: Outbound;
  /** Stands between the server and its database, to see or to break what it writes. */
  readonly wrapDatabase?: (database: Database) => Database;
}

/** A server that listens, with its rooms, for those who start one in their own process. */
export interface Server extends Running {
  readonly rooms: Rooms;
  readonly port: number;
  /** Resolves when no mail is waiting or on its way. */
  mailIdle(): Promise<void>;
  /** Resolves when nothing waits to be delivered to an app, or is on its way. */
  deliveriesIdle(): Promise<void>;
  /** Counts what the whole deployment goes through now, instead of with the next ten seconds. */
  watchNow(): Promise<void>;
}

/** Opens the store and the rooms over it, without serving anything. */
export async function openRooms(config: Config, standIns: StandIns = {}): Promise<Rooms> {
  const clock = standIns.clock ?? systemClock;
  const opened = openDatabase(config.database);
  const database = standIns.wrapDatabase?.(opened) ?? opened;
  try {
    await migrate(database, clock);
  } catch (failure) {
    await database.close();
    throw failure;
  }
  const secrets = createSecrets(config.secrets);
  const settings = createSettings(database, clock);
  const clients = createClients({
    database,
    clock,
    secrets,
    production: originOf(config).protocol === 'https:',
  });
  const users = createUsers({
    database,
    clock,
    endSessions: (id) => endSessionsOf({ database, secrets, clock }, id, 'revoked'),
  });
  const keys = createKeys({ database, secrets, clock, settings });
  const templates = createTemplates({ database, clock, settings, origin: originOf(config) });
  const outbound = standIns.outbound ?? createOutbound();
  const { smtpUrl, mailFrom } = config;
  const local = config.mode === 'dev';
  const mail = createMailing({ database, clock, secrets, outbound, smtpUrl, mailFrom, local });
  const outside = { database, clock, secrets, outbound, local: isLocal(config) };
  const webhooks = createWebhooks(outside);
  const interceptors = createInterceptors(outside);
  const closeAll = async () => {
    await mail.close();
    await database.close();
  };
  const stores = { database, clock, secrets, settings, clients, users, keys };
  return { ...stores, templates, mail, webhooks, interceptors, close: closeAll };
}

/** Starts the whole server on the configured address; it has stopped when `stop` resolves. What was started is ended when the rest fails. */
export async function startServer(config: Config, standIns: StandIns = {}): Promise<Server> {
  const ending = new AsyncDisposableStack();
  try {
    const server = await assemble(config, standIns, ending);
    return { ...server, stop: () => ending.disposeAsync() };
  } catch (failure) {
    await ending.disposeAsync();
    throw failure;
  }
}

/** Puts the rooms together from the store up; what must end is deferred to `ending`, which ends the last first. */
async function assemble(
  config: Config,
  standIns: StandIns,
  ending: AsyncDisposableStack,
): Promise<Omit<Server, 'stop'>> {
  const log = standIns.log ?? createLog(config.logLevel, { pretty: process.stdout.isTTY === true });
  const origin = originOf(config);
  const rooms = await openRooms(config, standIns);
  ending.defer(() => rooms.close());
  await rooms.settings.current();
  const inbox = config.mode === 'dev' && config.smtpUrl === undefined ? createInbox(rooms.clock) : undefined;
  if (config.mode === 'serve' && !(await rooms.mail.hasProvider())) throw noMail();
  const meter = meterOf(config, rooms);
  const transport = standIns.transport ?? rooms.mail.transport({ ...meter, log, bootstrap: inbox });
  ending.defer(() => transport.close());
  const watch = await startWatch({ ...rooms, log });
  ending.defer(() => watch.stop());
  const parts: Parts = { ...rooms, watch, mailQueued: () => outbox.wake() };
  const outbox = startOutbox({
    ...rooms,
    ...meter,
    transport,
    compose: composeMails(parts, origin, rooms.templates.book),
    log,
  });
  ending.defer(() => outbox.stop());
  const oidc = await createOidc({
    ...rooms,
    ...parts,
    origin,
    log,
    mailSender: senderOf(config.mailFrom),
    mailDomains: mailDomainsOf(await rooms.mail.hasProvider(), standIns, rooms.clock),
  });
  const app = await router(config, { rooms, oidc, inbox, log, meter });
  ending.defer(() => app.close());
  const api = { ...rooms, ...oidc, log };
  const gateway = createGateway(api, servedRpcs(api));
  const server = await listen(handler(config, oidc, { routing: app.routing, gateway }), {
    ...config.listen,
    origin,
    ...(config.tls && { tls: config.tls }),
  });
  ending.defer(() => server.close());
  if (inbox) ending.defer(() => inbox.close()); // pages that wait for mail would hold the server open
  const deliveries = sendDeliveries(config, { rooms, log, outbound: standIns.outbound });
  ending.defer(() => deliveries.stop());
  const pruning = startPruning({ ...rooms, log });
  ending.defer(() => pruning.stop());
  outbox.wake();
  return {
    rooms,
    url: config.url,
    port: server.port,
    mailIdle: () => outbox.idle(),
    deliveriesIdle: () => deliveries.idle(),
    watchNow: () => watch.look(),
  };
}

/** What happened leaves for the endpoints of owners, and the end of a session for the apps that it signed in to. */
function sendDeliveries(
  config: Config,
  { rooms, log, outbound }: { rooms: Rooms; log: Log; outbound: Outbound | undefined },
): DeliveryWorker {
  const parts = { ...rooms, origin: originOf(config), local: isLocal(config) };
  return startDeliveries({
    ...rooms,
    log,
    outbound: outbound ?? createOutbound(),
    carriers: { webhook: webhookCarrier(parts), logout: { prepare: prepareLogout(parts) } },
    fanOuts: [webhookFanOut(composeWebhook), fanOutLogout],
  });
}

function mailDomainsOf(hasProvider: boolean, standIns: StandIns, clock: Clock): MailDomains | undefined {
  const leaves = hasProvider && standIns.transport === undefined;
  const resolver = standIns.resolver ?? (leaves ? systemResolver() : undefined);
  return resolver && createMailDomains({ resolver, clock });
}

interface Routed {
  readonly rooms: Rooms;
  readonly oidc: OidcParts;
  readonly inbox: Inbox | undefined;
  readonly log: Log;
  readonly meter: ServerMetrics;
}

function meterOf({ workers }: Config, { database, clock, mail }: Rooms): ServerMetrics {
  const own = workers > 1 ? String(process.pid) : undefined;
  return createServerMetrics({ database, clock, providers: mail.providers.open, process: own });
}

async function router(config: Config, { rooms, oidc, inbox, log, meter }: Routed): Promise<Router> {
  const renderProblem: AppParts['renderProblem'] = (problem, at) => problemPage(oidc, problem, at);
  const app = createApp({ origin: originOf(config), clock: rooms.clock, log, renderProblem });
  await app.register(healthRoutes(rooms));
  await app.register(metricsRoutes(meter.metrics));
  await app.register(interactionRoutes(oidc));
  await app.register(challengeRoutes({ ...oidc, log }));
  await app.register(disownRoutes(oidc));
  await app.register(languageRoutes(oidc));
  await app.register(logoRoutes(rooms.database));
  await app.register(webhookRoutes({ ...rooms, providers: rooms.mail.providers.open }));
  if (inbox) await app.register(inboxRoutes(inbox));
  await app.ready();
  return app;
}

type Router = ReturnType<typeof createApp>;

/** The front door: one origin, then the API, the library for its own paths, the router for the rest. */
function handler(config: Config, oidc: OidcParts, to: { routing: Handler; gateway: Gateway }): Handler {
  const door = { origin: originOf(config), proxies: trustedProxies(config.trustProxy) };
  return (request, response) => {
    const refuse = (failure: unknown) =>
      turnAway(oidc, asProblem(failure), { request, response, id: newId('req', oidc.clock.now()) });
    try {
      admit(request, door);
      if (to.gateway.serves(pathOf(request))) return void to.gateway.handle(request, response).catch(refuse);
      const route = routeOf(request);
      switch (route.kind) {
        case 'library':
          refuseLongBody(request);
          return oidc.handleByLibrary(request, response);
        case 'ours':
          return to.routing(request, response);
        case 'form':
          return void formToQuery(oidc, { request, response }, route.path).catch(refuse);
        case 'refused':
          response.setHeader('allow', route.allow);
          throw new Problem('method_not_allowed', `Use ${route.allow}.`);
        default:
          return route satisfies never;
      }
    } catch (failure) {
      return refuse(failure);
    }
  };
}

interface Raw {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** A body that was not read, or a client that is gone, leaves nothing to read the next request from. */
function turnAway(
  site: BrandedSite,
  problem: Problem,
  { request, response, id }: Raw & { id: string },
): void {
  if (!request.complete && request.httpVersionMajor === 1) response.setHeader('connection', 'close');
  const wantsPage = /\btext\/html\b/.test(request.headers.accept ?? '');
  const page = problemPage(site, problem, { request, id });
  const headers = wantsPage ? page.headers : { ...dataHeaders, 'content-type': 'application/problem+json' };
  const body = wantsPage ? page.body : problemBody(problem, { requestId: id, origin: site.origin.origin });
  response.writeHead(problem.status, { ...headers, ...securityHeaders(site.origin) }).end(body);
}

/** OpenID Connect Core 3.1.2.1 wants POST too; as a GET the browser sends its SameSite=Lax cookies along. */
async function formToQuery(site: BrandedSite, { request, response }: Raw, path: string): Promise<void> {
  const location = `${path}?${await readForm(request)}`;
  const headers = { location, ...dataHeaders, ...securityHeaders(site.origin) };
  response.writeHead(303, headers).end();
}

function problemPage(
  site: BrandedSite,
  problem: Problem,
  at: { request: IncomingMessage; id: string },
): { body: string; headers: Record<string, string> } {
  const body = errorPage({
    words: wordsOf(at.request, site),
    host: site.origin.host,
    brand: brandOf(site),
    error: problem.code,
    description: `${problem.title}. ${problem.detail}`,
    requestId: at.id,
  });
  return { body, headers: pageHeaders(body) };
}

/** Beside a server that is used from its own machine only, so are its apps. */
function isLocal(config: Config): boolean {
  return originOf(config).protocol === 'http:';
}

function originOf(config: Config): URL {
  return new URL(config.url);
}

function noMail(): Problem {
  return new Problem(
    'configuration_invalid',
    'No mail can be sent. Add a provider with `postern mail provider add`, or set POSTERN_SMTP_URL to a mail server.',
  );
}

/** The bare address of `Name <address>`. */
function senderOf(mailFrom: string): string {
  return /<([^<>]+)>\s*$/.exec(mailFrom)?.[1] ?? mailFrom;
}

/** The command line, with everything that its commands start. Gives the exit code. */
export async function main(args: string[]): Promise<number> {
  const io = {
    env: environment,
    out: (line: string) => console.log(line),
    err: (line: string) => console.error(line),
    ask: secretsFromInput(),
  };
  return runCli(args, { open: (config) => openRooms(config), start: (config) => startServer(config) }, io);
}
