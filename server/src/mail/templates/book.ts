import type { ClientId, Instant, TemplateId } from '../../core/ids.ts';
import { SECOND } from '../../core/units.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Queries } from '../../platform/database/schema.ts';
import { readTemplate, type Template } from './rendering.ts';
import { activeTemplates, partsOf, type TemplateVersion } from './store.ts';
import type { MailKind } from './variables.ts';

/** A process sees a template that another one saved at the latest after this many milliseconds. */
const FRESH_FOR = SECOND;

/** Read templates that are kept: each may have come from 64 kB. */
const KEPT_MAX = 100;

/** What a mail is to be written for. */
export interface Wanted {
  /** The first kind that there is a template for. */
  readonly kinds: readonly MailKind[];
  /** Languages, best first. */
  readonly locales: readonly string[];
  readonly clientId: ClientId | undefined;
}

/** Which templates there are, and what they say: one small query a second where there are none. */
export interface TemplateBook {
  /** Asked inside a transaction: whether there may be a template of one of these kinds. */
  has(q: Queries, kinds: readonly MailKind[]): Promise<boolean>;
  /** The template for a mail; undefined where the default is to be used. A template that no longer reads is a fault. */
  find(q: Queries, wanted: Wanted): Promise<Found | undefined>;
  /** This process has changed one. */
  forget(): void;
}

export interface Found {
  readonly version: TemplateVersion;
  /** Undefined when this release reads it no more. */
  readonly template: Template | undefined;
}

export function createTemplateBook(clock: Clock): TemplateBook {
  let known: { readonly active: readonly TemplateVersion[]; readonly readAt: Instant } | undefined;
  const read = new Map<TemplateId, Template | undefined>();
  const active = async (q: Queries) => {
    const age = known === undefined ? Number.POSITIVE_INFINITY : clock.now() - known.readAt;
    if (known === undefined || age < 0 || age >= FRESH_FOR)
      known = { active: await activeTemplates(q), readAt: clock.now() };
    return known.active;
  };
  return {
    has: async (q, kinds) => (await active(q)).some(({ kind }) => kinds.includes(kind)),
    find: async (q, wanted) => {
      const version = chosen(await active(q), wanted);
      if (version === undefined) return undefined;
      if (!read.has(version.id)) {
        const parts = await partsOf(q, version.id);
        if (parts === undefined) return undefined; // removed in this very moment
        if (read.size >= KEPT_MAX) read.clear();
        read.set(version.id, readTemplate(parts, version.kind).template);
      }
      return { version, template: read.get(version.id) };
    },
    forget: () => {
      known = undefined;
    },
  };
}

/** By kind, then by language, then a client's own before the deployment's. */
function chosen(
  active: readonly TemplateVersion[],
  { kinds, locales, clientId }: Wanted,
): TemplateVersion | undefined {
  const clients = clientId === undefined ? [undefined] : [clientId, undefined];
  const rank = ({ kind, locale, clientId: client }: TemplateVersion) =>
    [kinds.indexOf(kind), locales.indexOf(locale), clients.indexOf(client)] as const;
  const usable = active.filter((one) => rank(one).every((place) => place >= 0));
  const order = (one: TemplateVersion, other: TemplateVersion) => {
    const [first, second] = [rank(one), rank(other)];
    return (
      first[0] - second[0] || first[1] - second[1] || first[2] - second[2] || other.version - one.version
    );
  };
  return usable.toSorted(order)[0];
}
