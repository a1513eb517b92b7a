import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import type {
  CreateUser,
  CreateUserProfile,
  UpdateUser,
  UpdateUserProfile,
  UserService,
} from '../../../generated/scalekit/v1/users/users_pb.js';
import { ENVIRONMENT } from '../../core/ids.ts';
import { readPage } from '../../platform/paging.ts';
import { fieldsRefused } from '../../platform/violations.ts';
import type { ProfileChange } from '../../users/profile.ts';
import type { User } from '../../users/store.ts';
import type { NewUser, UserChange, UserKey, UsersPage } from '../../users/users.ts';
import type { ApiParts } from '../parts.ts';

const PAGE = { usual: 10, max: 30 };

/** The people who have signed in, or were written down before they did. */
export function usersService({ users }: Pick<ApiParts, 'users'>): ServiceImpl<typeof UserService> {
  return {
    getUser: async ({ identities }) => ({ user: shown(await users.get(keyOf(identities))) }),
    listUsers: async ({ pageSize, pageToken }) =>
      listed(await users.page(readPage({ size: pageSize, token: pageToken }, PAGE))),
    searchUsers: async ({ query, pageSize, pageToken }) =>
      listed(await users.search(query, readPage({ size: pageSize, token: pageToken }, PAGE))),
    updateUser: async ({ identities, user }) => ({
      user: shown(await users.update(keyOf(identities), changeOf(user))),
    }),
    deleteUser: async ({ identities }) => {
      await users.remove(keyOf(identities));
      return {};
    },
    // Neither the organization nor the invitation exists here: a mail with nothing to accept would only puzzle.
    createUserAndMembership: async ({ user }) => ({ user: shown(await users.create(newOf(user))) }),
  };
}

type Identities = { case: 'id' | 'externalId'; value: string } | { case: undefined; value?: undefined };

function keyOf(identities: Identities): UserKey {
  if (identities.case === 'id') return { id: identities.value };
  if (identities.case === 'externalId') return { externalId: identities.value };
  throw fieldsRefused([{ field: 'id', description: 'or external_id is missing', constraint: 'required' }]);
}

function newOf(user: CreateUser | undefined): NewUser {
  if (user === undefined)
    throw fieldsRefused([{ field: 'user', description: 'is missing', constraint: 'required' }]);
  const { email, externalId, metadata, userProfile } = user;
  return { email, externalId, metadata, profile: userProfile && sentTexts(userProfile) };
}

function changeOf(user: UpdateUser | undefined): UserChange {
  if (user === undefined) return {};
  const { externalId, metadata, userProfile } = user;
  return { externalId, metadata, profile: userProfile && profileOf(userProfile) };
}

/** In the message that creates, an empty text is one that was not sent. */
function sentTexts(profile: CreateUserProfile): ProfileChange {
  const { givenName, familyName, firstName, lastName } = profile;
  return profileOf({
    ...profile,
    givenName: givenName || firstName,
    familyName: familyName || lastName,
    firstName: undefined,
    lastName: undefined,
  });
}

type SentProfile = Pick<CreateUserProfile, 'metadata' | 'customAttributes' | 'groups'> & {
  readonly [N in Exclude<
    keyof UpdateUserProfile,
    '$typeName' | '$unknown' | 'metadata' | 'customAttributes' | 'groups'
  >]?: string | undefined;
};

/** The names of old stand for the new ones; an empty list cannot be told from one that was not sent. */
function profileOf(sent: SentProfile): ProfileChange {
  return {
    givenName: sent.givenName ?? sent.firstName,
    familyName: sent.familyName ?? sent.lastName,
    name: sent.name,
    locale: sent.locale,
    phoneNumber: sent.phoneNumber,
    preferredUsername: sent.preferredUsername,
    picture: sent.picture,
    gender: sent.gender,
    groups: sent.groups.length > 0 ? sent.groups : undefined,
    customAttributes: sent.customAttributes,
    metadata: sent.metadata,
  };
}

function listed({ rows, nextToken, prevToken, total }: UsersPage) {
  return {
    users: rows.map(shown),
    nextPageToken: nextToken,
    prevPageToken: prevToken,
    totalSize: total,
  };
}

function shown(user: User) {
  return {
    id: user.id,
    environmentId: ENVIRONMENT,
    createTime: timestampFromMs(user.createdAt),
    updateTime: timestampFromMs(user.updatedAt),
    email: user.email,
    memberships: [],
    userProfile: shownProfile(user),
    metadata: { ...user.metadata },
    ...(user.externalId !== undefined && { externalId: user.externalId }),
    ...(user.lastSignInAt !== undefined && { lastLoginTime: timestampFromMs(user.lastSignInAt) }),
  };
}

function shownProfile({ id, profile, lastSignInAt }: User) {
  const { groups = [], customAttributes = {}, metadata = {}, ...texts } = profile;
  return {
    ...texts,
    id: id.replace('usr_', 'usp_'),
    firstName: profile.givenName ?? '',
    lastName: profile.familyName ?? '',
    emailVerified: lastSignInAt !== undefined,
    groups: [...groups],
    customAttributes: { ...customAttributes },
    metadata: { ...metadata },
  };
}
