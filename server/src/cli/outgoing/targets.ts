import { HOUR } from '../../core/units.ts';
import { type Call, type Flag, instantText, UsageError, wholeNumber } from '../command.ts';
import { facts } from '../table.ts';

const KEEP_HOURS_MAX = 24 * 30;

const PRIVATE_NOTE =
  'Careful: whoever changes this address can make the server send requests into your private network.';

/** What every server of an owner's that we send requests to takes. */
export const reachFlags = {
  'allow-private': { type: 'boolean', meaning: 'Its address may belong to a private network' },
} as const satisfies Record<string, Flag>;

/** The address may be a private one; the owner is told what that means. */
export function reachIn(call: Call): { private?: boolean } {
  if (!call.has('allow-private')) return {};
  call.io.err(PRIVATE_NOTE);
  return { private: true };
}

export const changeFlags = {
  url: { type: 'string', value: 'URL', meaning: 'Another address' },
  'forbid-private': { type: 'boolean', meaning: 'Its address must be a public one again' },
  enable: { type: 'boolean', meaning: 'Send requests again' },
  disable: { type: 'boolean', meaning: 'Send none for now' },
} as const satisfies Record<string, Flag>;

/** What of it is to be changed. */
export function changesIn(
  call: Call,
  usage: string,
): { url: string | undefined; enabled?: boolean; private?: boolean } {
  if (call.has('enable') && call.has('disable'))
    throw new UsageError('--enable and --disable exclude each other.', `Usage: ${usage}`);
  return {
    url: call.text('url'),
    ...(call.has('enable') && { enabled: true }),
    ...(call.has('disable') && { enabled: false }),
    ...(call.has('forbid-private') && { private: false }),
  };
}

export const rotationFlags = {
  'keep-old-hours': {
    type: 'string',
    value: 'N',
    meaning: 'How long the old one still signs (24; 0: not)',
  },
} as const satisfies Record<string, Flag>;

export function keepIn(call: Call): { oldForMs: number } | undefined {
  const hours = wholeNumber(call, 'keep-old-hours', KEEP_HOURS_MAX);
  return hours === undefined ? undefined : { oldForMs: hours * HOUR };
}

export function secretLines(secret: string): string[] {
  return [...facts([['Secret', secret]]), 'The secret is shown only now: store it safely.'];
}

interface Target {
  readonly id: string;
  readonly url: string;
  readonly enabled: boolean;
  readonly reach: string;
  readonly secrets: readonly { readonly createdAt: number; readonly expiresAt?: number | undefined }[];
  readonly createdAt: number;
  readonly updatedAt: number;
}

export function reachFact({ reach }: Target): [string, string | undefined] {
  return ['Reach', reach === 'private' ? 'private networks too' : undefined];
}

/** What all of them have, for programs. */
export function targetJson(target: Target): Record<string, unknown> {
  return {
    id: target.id,
    url: target.url,
    enabled: target.enabled,
    reach: target.reach,
    secrets: target.secrets.map(({ createdAt, expiresAt }) => ({
      created_at: instantText(createdAt),
      expires_at: expiresAt === undefined ? null : instantText(expiresAt),
    })),
    created_at: instantText(target.createdAt),
    updated_at: instantText(target.updatedAt),
  };
}
