import { type Instant, isId } from '../core/ids.ts';
import { Problem } from '../core/problems.ts';
import { DAY } from '../core/units.ts';
import { recordEvent } from '../events/store.ts';
import { deleteTemplatesOf } from '../mail/templates/store.ts';
import type { Queries } from '../platform/database/schema.ts';
import { type Page, type Paged, paged } from '../platform/paging.ts';
import { newId } from '../platform/random.ts';
import { storeLogo } from '../settings/logo-store.ts';
import { lookOf, type NewLook, type WantedBranding } from './branding.ts';
import { type ClientFields, checkedClient, checkedKind, isPublicKind, usualGrants } from './checking.ts';
import {
  addSecret,
  changeSecret,
  clientIdOf,
  clientNotFound,
  makeSecret,
  removeSecret,
  rotateSecret,
  type SecretParts,
  withoutHash,
} from './client-secrets.ts';
import {
  type Client,
  type ClientKind,
  type ClientSecret,
  clientPage,
  countClients,
  deleteClient,
  findClient,
  insertClient,
  insertSecret,
  listClients,
  lockClient,
  saveClient,
  saveLook,
} from './store.ts';

/** Long enough for every server of an app to get the new secret. */
export const KEEP_OLD_SECRET = DAY;

export interface NewClient extends ClientFields {
  readonly name: string;
  readonly redirectUris: readonly string[];
  /** An app that cannot keep a secret: one in a browser or on a device. */
  readonly public?: boolean | undefined;
  /** ENV, WEB_APP, SPA or NTV; by default what `public` says. */
  readonly kind?: string | undefined;
  readonly branding?: WantedBranding | undefined;
}

export interface ClientChange extends ClientFields {
  readonly name?: string | undefined;
}

/** The relying parties and their secrets. A secret is given out once, when it is made. */
export interface Clients {
  create(wanted: NewClient): Promise<{ client: Client; clientSecret?: string }>;
  /** Oldest first. */
  list(): Promise<Client[]>;
  /** Newest first; all kinds where none is named. */
  page(page: Page, kinds: readonly ClientKind[]): Promise<Paged<Client> & { total: number }>;
  show(id: string): Promise<Client>;
  update(id: string, change: ClientChange): Promise<Client>;
  /** The secret that was the newest works `keepOldFor` milliseconds longer; one older than that is dropped. */
  rotateSecret(id: string, options?: { keepOldFor?: number }): Promise<{ clientSecret: string }>;
  /** One more beside those there are; two may be active. */
  addSecret(id: string): Promise<{ clientSecret: string; secret: ClientSecret }>;
  changeSecret(change: { clientId: string; secretId: string; inactive: boolean }): Promise<ClientSecret>;
  removeSecret(of: { clientId: string; secretId: string }): Promise<void>;
  /** Changes what people see of it. */
  brand(id: string, look: NewLook): Promise<Client>;
  remove(id: string): Promise<void>;
}

/** With an issuer on https, URIs are judged by stricter rules too. */
export type ClientParts = SecretParts;

export function createClients(parts: ClientParts): Clients {
  const { database, clock } = parts;
  return {
    create: (wanted) => create(parts, wanted),
    list: () => database.read(listClients),
    page: async (page, kinds) => {
      if (!isId('skc', page.after ?? page.before ?? 'skc_0'))
        throw new Problem(
          'page_token_invalid',
          'This token is of another list: send one of this list, or none.',
        );
      const rows = await database.read((q) => clientPage(q, page, kinds));
      return { ...paged(rows, page), total: await database.read((q) => countClients(q, kinds)) };
    },
    show: async (id) => (await database.read((q) => findClient(q, id))) ?? clientNotFound(id),
    update: (id, change) => database.write((q) => update(q, parts, { id, change })),
    rotateSecret: (id, { keepOldFor = KEEP_OLD_SECRET } = {}) => rotateSecret(parts, { id, keepOldFor }),
    addSecret: (id) => addSecret(parts, id),
    changeSecret: (change) => changeSecret(parts, change),
    removeSecret: (of) => removeSecret(parts, of),
    brand: (id, look) => database.write((q) => brand(q, { id, look, now: clock.now() })),
    remove: async (id) => {
      await database.write(async (q) => {
        const clientId = clientIdOf(id);
        if (!(await deleteClient(q, clientId))) clientNotFound(id);
        await deleteTemplatesOf(q, clientId);
        await recordEvent(q, { type: 'client.deleted', clientId }, clock.now());
      });
    },
  };
}

async function create(
  parts: ClientParts,
  wanted: NewClient,
): Promise<{ client: Client; clientSecret?: string }> {
  const now = parts.clock.now();
  const { logos, ...look } = lookOf({ name: '', branding: {} }, { ...wanted.branding, name: wanted.name });
  const client = { ...checkedClient(blank(wanted, now), wanted, parts.production), ...look };
  const made = client.public ? undefined : makeSecret(parts, now);
  await parts.database.write(async (q) => {
    for (const logo of logos) await storeLogo(q, logo, now);
    await insertClient(q, client);
    if (made !== undefined) await insertSecret(q, client.id, made.stored);
    await recordEvent(q, { type: 'client.created', clientId: client.id }, now);
  });
  if (made === undefined) return { client: { ...client, secrets: [] } };
  return { client: { ...client, secrets: [withoutHash(made.stored)] }, clientSecret: made.clientSecret };
}

/** What a client is before anything was decided of it. */
function blank(wanted: NewClient, now: Instant): Omit<Client, 'secrets' | 'name' | 'branding'> {
  const kind = checkedKind(wanted);
  const isPublic = isPublicKind(kind);
  return {
    id: newId('skc', now),
    kind,
    public: isPublic,
    redirectUris: [],
    postLogoutRedirectUris: [],
    backChannelLogoutUris: [],
    requirePkce: isPublic,
    grantTypes: usualGrants(isPublic),
    idTokenAlg: 'RS256',
    apiAccess: !isPublic,
    firstParty: false,
    createdAt: now,
    updatedAt: now,
  };
}

async function update(
  q: Queries,
  parts: ClientParts,
  { id, change }: { id: string; change: ClientChange },
): Promise<Client> {
  const known = await lockedClient(q, id);
  const { name } = lookOf(known, { name: change.name });
  const { secrets, branding } = known;
  const decided = checkedClient(known, change, parts.production);
  const changed = { ...decided, name, branding, secrets, updatedAt: parts.clock.now() };
  await saveClient(q, changed);
  await recordEvent(q, { type: 'client.changed', clientId: known.id }, changed.updatedAt);
  return changed;
}

async function brand(q: Queries, change: { id: string; look: NewLook; now: Instant }): Promise<Client> {
  const client = await lockedClient(q, change.id);
  const { logos, ...look } = lookOf(client, change.look);
  const changed = { ...client, ...look, updatedAt: change.now };
  for (const logo of logos) await storeLogo(q, logo, change.now);
  await saveLook(q, changed);
  await recordEvent(q, { type: 'client.changed', clientId: client.id }, change.now);
  return changed;
}

async function lockedClient(q: Queries, id: string): Promise<Client> {
  await lockClient(q, clientIdOf(id));
  return (await findClient(q, id)) ?? clientNotFound(id);
}
