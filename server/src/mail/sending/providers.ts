import { domainToASCII } from 'node:url';
import { z } from 'zod';
import { type Instant, isId } from '../../core/ids.ts';
import { nearest } from '../../core/nearest.ts';
import { Problem } from '../../core/problems.ts';
import { recordEvent } from '../../events/store.ts';
import type { Queries } from '../../platform/database/schema.ts';
import type { Finding } from '../../platform/finding.ts';
import { newId, random } from '../../platform/random.ts';
import { parseSender } from '../message.ts';
import { providerKinds } from '../providers/kinds.ts';
import type { ProviderKind } from '../providers/provider.ts';
import {
  type OpeningParts,
  type OpenProvider,
  type OpenProviders,
  sealed,
  unsealed,
} from './open-providers.ts';
import { deleteProvider, lockProviders, type ProviderRecord, saveProvider } from './store.ts';

/** More than a person keeps in order. */
const PROVIDERS_MAX = 20;
const NAME_MAX = 80;
const DOMAINS_MAX = 200;

/** Bits of a secret that we make up. */
const MADE_BITS = 256;

/** A provider as it may be shown: nobody sees a secret again, only how it ends. */
export interface ProviderView extends Omit<ProviderRecord, 'sealed'> {
  readonly secrets: Readonly<Record<string, string>>;
  /** Why it cannot be used, where it cannot. */
  readonly trouble: string | undefined;
}

export interface ProviderWish {
  readonly kind: string;
  readonly name?: string | undefined;
  readonly from?: string | undefined;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly domains?: readonly string[] | undefined;
}

/** What a change says; what it leaves out stays. An empty `from` is the deployment's sender again. */
export type ProviderChange = Omit<ProviderWish, 'kind'> & { readonly enabled?: boolean };

export interface AddedProvider {
  readonly provider: ProviderView;
  /** Secrets that we made up, shown this once. */
  readonly made: Readonly<Record<string, string>>;
  /** What stands before the host in the webhook's address; shown this once too. */
  readonly webhookLogin: string | undefined;
}

/** The owner's mail providers. */
export interface MailProviders {
  list(): Promise<ProviderView[]>;
  add(wish: ProviderWish): Promise<AddedProvider>;
  change(id: string, change: ProviderChange): Promise<ProviderView>;
  /** To a place in the order, counted from one. */
  move(id: string, position: number): Promise<ProviderView[]>;
  remove(id: string): Promise<void>;
  check(id: string): Promise<Finding[]>;
  /** The same providers, ready to be used. */
  readonly open: OpenProviders;
}

type Parts = OpeningParts & { readonly open: OpenProviders };

export function createMailProviders(parts: Parts): MailProviders {
  const { database, clock, open } = parts;
  const change = async <T>(
    work: (q: Queries, all: ProviderRecord[], now: Instant) => Promise<T>,
  ): Promise<T> => {
    const result = await database.write(async (q) => work(q, await lockProviders(q), clock.now()));
    await open.refresh();
    return result;
  };
  const list = async () => {
    await open.refresh();
    return open.snapshot().map(({ record, provider }) => viewOf(parts, record, provider));
  };
  return {
    open,
    list,
    add: async (wish) => {
      const { kind, record, secrets, made } = newProvider(parts, wish);
      await change(async (q, all, now) => {
        if (all.length >= PROVIDERS_MAX) throw invalid(`There can be ${PROVIDERS_MAX} providers.`);
        await saveProvider(q, { ...record, position: all.length + 1 });
        await tell(q, { type: 'mail.provider_added', record, at: now });
      });
      const provider = await viewAfter(list, record.id);
      return { provider, made, webhookLogin: kind.webhookLogin?.(secrets) };
    },
    change: async (id, wanted) => {
      await change(async (q, all, now) => {
        const record = found(all, id);
        await saveProvider(q, changed(parts, { record, wanted, now }));
        await tell(q, { type: 'mail.provider_changed', record, at: now });
      });
      return viewAfter(list, id);
    },
    move: async (id, position) => {
      await change(async (q, all, now) => {
        const record = found(all, id);
        const others = all.filter((one) => one !== record);
        await renumber(q, others.toSpliced(Math.max(1, position) - 1, 0, record));
        await tell(q, { type: 'mail.provider_changed', record, at: now });
      });
      return list();
    },
    remove: async (id) => {
      await change(async (q, all, now) => {
        const record = found(all, id);
        await deleteProvider(q, record.id);
        await renumber(
          q,
          all.filter((one) => one !== record),
        );
        await tell(q, { type: 'mail.provider_removed', record, at: now });
      });
    },
    check: async (id) => {
      await open.refresh();
      return checked((await open.find(id)) ?? notFound(id));
    },
  };
}

async function checked({ record, provider }: OpenProvider): Promise<Finding[]> {
  if (typeof provider !== 'string') return provider.check();
  const why = 'A provider that cannot be opened takes no mail.';
  const fix = `Give it anew: postern mail provider change ${record.id}`;
  return [{ id: 'mail.provider', status: 'fail', what: `${record.name}: ${provider}.`, why, fix }];
}

function newProvider(parts: Parts, wish: ProviderWish) {
  const kind = kindOf(wish.kind);
  const now = parts.clock.now();
  const id = newId('prv', now);
  const given = wish.secrets ?? {};
  const made = Object.fromEntries(
    kind.made.filter((name) => given[name] === undefined).map((name) => [name, random.token(MADE_BITS)]),
  );
  const secrets = secretsFrom(kind, { ...given, ...made });
  const record: ProviderRecord = {
    id,
    kind: kind.kind,
    name: nameFrom(wish.name ?? kind.title),
    position: 0,
    enabled: true,
    from: fromOf(wish.from),
    options: optionsFrom(kind, wish.options ?? {}),
    sealed: sealed(id, secrets, parts.secrets),
    domains: domainsFrom(wish.domains ?? []),
    createdAt: now,
    updatedAt: now,
  };
  return { kind, record, secrets, made };
}

/** An instant that is new even within a millisecond: by it other processes know that something changed. */
function changed(
  parts: Parts,
  { record, wanted, now }: { record: ProviderRecord; wanted: ProviderChange; now: Instant },
): ProviderRecord {
  const kind = kindOf(record.kind);
  const known = unsealed(record, parts.secrets) ?? {};
  const secrets = wanted.secrets && secretsFrom(kind, { ...known, ...wanted.secrets });
  const options = wanted.options && optionsFrom(kind, { ...record.options, ...wanted.options });
  return {
    ...record,
    name: wanted.name === undefined ? record.name : nameFrom(wanted.name),
    enabled: wanted.enabled ?? record.enabled,
    from: wanted.from === undefined ? record.from : fromOf(wanted.from),
    options: options ?? record.options,
    sealed: secrets ? sealed(record.id, secrets, parts.secrets) : record.sealed,
    domains: wanted.domains === undefined ? record.domains : domainsFrom(wanted.domains),
    updatedAt: Math.max(now, record.updatedAt + 1),
  };
}

async function renumber(q: Queries, ordered: readonly ProviderRecord[]): Promise<void> {
  for (const [at, record] of ordered.entries())
    if (record.position !== at + 1) await saveProvider(q, { ...record, position: at + 1 });
}

type What = 'mail.provider_added' | 'mail.provider_changed' | 'mail.provider_removed';

async function tell(q: Queries, what: { type: What; record: ProviderRecord; at: Instant }): Promise<void> {
  const { id, name } = what.record;
  await recordEvent(q, { type: what.type, data: { providerId: id, name } }, what.at);
}

async function viewAfter(list: MailProviders['list'], id: string): Promise<ProviderView> {
  return (await list()).find((one) => one.id === id) ?? notFound(id);
}

/** The last characters of a secret that is long enough to keep the rest to itself. */
const SUFFIX = 4;
const SHOWN_FROM = 16;

function viewOf(
  parts: Parts,
  { sealed: _sealed, ...record }: ProviderRecord,
  provider: unknown,
): ProviderView {
  const secrets = unsealed({ ...record, sealed: _sealed }, parts.secrets) ?? {};
  const suffixes = Object.entries(secrets).map(([name, value]) => [
    name,
    value.length >= SHOWN_FROM ? `…${value.slice(-SUFFIX)}` : '…',
  ]);
  const trouble = typeof provider === 'string' ? provider : undefined;
  return { ...record, secrets: Object.fromEntries(suffixes), trouble };
}

function kindOf(name: string): ProviderKind {
  const kind = Object.hasOwn(providerKinds, name) ? providerKinds[name] : undefined;
  if (kind) return kind;
  const names = Object.keys(providerKinds);
  const meant = nearest(name, names);
  const hint = meant === undefined ? '' : ` Did you mean ${meant}?`;
  throw invalid(
    `There is no kind of provider called ${name.slice(0, 40)}.${hint} There are ${names.join(', ')}.`,
  );
}

function optionsFrom(kind: ProviderKind, given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const wanted = Object.entries(given).filter(([, value]) => value !== '');
  return fitted(kind, kind.options, Object.fromEntries(wanted));
}

function secretsFrom(kind: ProviderKind, given: Readonly<Record<string, string>>): Record<string, string> {
  const wanted = Object.entries(given).filter(([, value]) => value !== '');
  return z.record(z.string(), z.string()).parse(fitted(kind, kind.secrets, Object.fromEntries(wanted)));
}

/** All faults at once, by the names of the fields; a value is not repeated, it may be a secret. */
function fitted(
  kind: ProviderKind,
  form: z.ZodObject,
  given: Record<string, unknown>,
): Record<string, unknown> {
  const result = form.safeParse(given);
  if (result.success) return result.data;
  const faults = result.error.issues.map((issue) => {
    if (issue.code === 'unrecognized_keys')
      return `${issue.keys.join(', ')}: ${kind.title} has ${Object.keys(form.shape).join(', ') || 'none'}.`;
    const name = issue.path.join('.');
    const isMissing = issue.code === 'invalid_type' && given[name] === undefined;
    const { label, help } = kind.labels[name] ?? { label: name };
    return isMissing
      ? `${name} is missing: ${[label, help].filter(Boolean).join('. ')}.`
      : `${name} ${issue.message}.`;
  });
  throw invalid(faults.join('\n'));
}

function nameFrom(text: string): string {
  const name = text.trim();
  if (name !== '' && name.length <= NAME_MAX && !/[\p{Cc}\p{Cf}]/u.test(name)) return name;
  throw invalid(`A name has 1 to ${NAME_MAX} characters.`);
}

function fromOf(text: string | undefined): string | undefined {
  if (text === undefined || text.trim() === '') return undefined;
  try {
    return parseSender(text).field;
  } catch (failure) {
    throw failure instanceof Problem ? invalid(failure.detail) : failure;
  }
}

function domainsFrom(given: readonly string[]): string[] {
  if (given.length > DOMAINS_MAX) throw invalid(`A provider can be for ${DOMAINS_MAX} domains.`);
  return given.map((text) => {
    const [, wildcard = '', name = ''] = /^(\*\.)?(.+)$/.exec(text.trim().toLowerCase()) ?? [];
    const domain = domainToASCII(name);
    if (/^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/.test(domain)) return `${wildcard}${domain}`;
    throw invalid(
      `${JSON.stringify(text.slice(0, 80))} is no domain. Write example.com, or *.example.com for all below it.`,
    );
  });
}

function found(all: readonly ProviderRecord[], id: string): ProviderRecord {
  return all.find((one) => one.id === id) ?? notFound(id);
}

function notFound(id: string): never {
  const shown = isId('prv', id) ? id : id.slice(0, 40);
  throw new Problem(
    'mail_provider_not_found',
    `There is no mail provider ${shown}: \`postern mail provider list\` shows all.`,
  );
}

function invalid(detail: string): Problem {
  return new Problem('mail_provider_invalid', detail);
}
