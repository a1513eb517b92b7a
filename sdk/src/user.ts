import type { Claims } from './tokens/claims.ts';

/** The person of a sign-in, from the verified ID token. Key accounts by `id`: an address can change hands. */
export interface SignedInUser {
  readonly id: string;
  readonly email: string;
  readonly emailVerified?: boolean;
  readonly name?: string;
  readonly username?: string;
  readonly givenName?: string;
  readonly familyName?: string;
  readonly phoneNumber?: string;
  readonly phoneNumberVerified?: boolean;
  readonly profile?: string;
  readonly picture?: string;
  readonly gender?: string;
  readonly birthDate?: string;
  readonly zoneInfo?: string;
  readonly locale?: string;
  readonly updatedAt?: unknown;
  readonly identities?: unknown;
  readonly metadata?: unknown;
}

const NAMES = {
  sub: 'id',
  email: 'email',
  email_verified: 'emailVerified',
  name: 'name',
  preferred_username: 'username',
  given_name: 'givenName',
  family_name: 'familyName',
  phone_number: 'phoneNumber',
  phone_number_verified: 'phoneNumberVerified',
  profile: 'profile',
  picture: 'picture',
  gender: 'gender',
  birthdate: 'birthDate',
  zoneinfo: 'zoneInfo',
  locale: 'locale',
  updated_at: 'updatedAt',
  identities: 'identities',
  metadata: 'metadata',
} as const;

export function userOf(claims: Claims): SignedInUser {
  const members = Object.entries(NAMES).filter(([claim]) => claims[claim] !== undefined);
  return Object.fromEntries(members.map(([claim, name]) => [name, claims[claim]])) as unknown as SignedInUser;
}
