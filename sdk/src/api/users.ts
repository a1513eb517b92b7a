import { PosternUsageError } from '../errors.ts';
import type { CallOptions } from '../http.ts';
import { type ApiCaller, type Page, type PageOptions, pathOf } from './caller.ts';

export interface UserProfile {
  readonly id: string;
  readonly givenName: string;
  readonly familyName: string;
  readonly name: string;
  readonly locale: string;
  readonly emailVerified: boolean;
  readonly phoneNumber: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly preferredUsername: string;
  readonly picture: string;
  readonly gender: string;
}

/** A person as the API knows them. The user of a sign-in is `SignedInUser`. */
export interface User {
  readonly id: string;
  readonly environmentId: string;
  readonly email: string;
  readonly externalId?: string;
  readonly userProfile?: UserProfile;
  readonly metadata: Readonly<Record<string, string>>;
  readonly memberships: readonly unknown[];
  readonly createTime?: Date;
  readonly updateTime?: Date;
  readonly lastLoginTime?: Date;
}

export interface UserResponse {
  readonly user: User;
}

export interface UsersPage extends Page {
  readonly users: readonly User[];
  readonly totalSize: number;
}

export interface ProfileChanges {
  readonly firstName?: string | undefined;
  readonly lastName?: string | undefined;
  readonly givenName?: string | undefined;
  readonly familyName?: string | undefined;
  readonly name?: string | undefined;
  readonly locale?: string | undefined;
  readonly phoneNumber?: string | undefined;
  readonly preferredUsername?: string | undefined;
  readonly picture?: string | undefined;
  readonly gender?: string | undefined;
}

export interface UpdateUserRequest extends CallOptions {
  readonly externalId?: string | undefined;
  readonly userProfile?: ProfileChanges | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

export interface CreateUserRequest extends UpdateUserRequest {
  readonly email: string;
  readonly sendInvitationEmail?: boolean | undefined;
}

/** The people who have signed in, or were written down before they did. */
export class UserClient {
  readonly #api: ApiCaller;

  constructor(api: ApiCaller) {
    this.#api = api;
  }

  getUser(userId: string, call?: CallOptions): Promise<UserResponse> {
    return this.#api.call({ method: 'GET', path: pathOf`/users/${userId}`, call });
  }

  getUserByExternalId(externalId: string, call?: CallOptions): Promise<UserResponse> {
    return this.#api.call({ method: 'GET', path: pathOf`/users:external/${externalId}`, call });
  }

  listUsers({ pageSize, pageToken, ...call }: PageOptions = {}): Promise<UsersPage> {
    return this.#api.call({ method: 'GET', path: '/users', query: { pageSize, pageToken }, call });
  }

  /** People whose address, name or id holds the query, of 3 to 100 characters. */
  searchUsers(query: string, size?: number | PageOptions, token?: string): Promise<UsersPage> {
    const { pageSize, pageToken, ...call }: PageOptions =
      typeof size === 'object' ? size : { pageSize: size, pageToken: token };
    return this.#api.call({
      method: 'GET',
      path: '/users:search',
      query: { query, pageSize, pageToken },
      call,
    });
  }

  /** The organization is named for the sake of callers that have some; `-` will do. */
  async createUserAndMembership(organizationId: string, options: CreateUserRequest): Promise<UserResponse> {
    if (!options.email) throw new PosternUsageError('email is required');
    const { email, externalId, userProfile, metadata, sendInvitationEmail } = options;
    return this.#api.call({
      method: 'POST',
      path: pathOf`/organizations/${organizationId}/users`,
      query: { sendInvitationEmail },
      body: { email, externalId, userProfile, metadata },
      call: options,
    });
  }

  /** What is left out stays; an address cannot be changed here. */
  updateUser(userId: string, options: UpdateUserRequest): Promise<UserResponse> {
    return this.#update(pathOf`/users/${userId}`, options);
  }

  updateUserByExternalId(externalId: string, options: UpdateUserRequest): Promise<UserResponse> {
    return this.#update(pathOf`/users:external/${externalId}`, options);
  }

  async deleteUser(userId: string, call?: CallOptions): Promise<void> {
    await this.#api.call({ method: 'DELETE', path: pathOf`/users/${userId}`, call });
  }

  async deleteUserByExternalId(externalId: string, call?: CallOptions): Promise<void> {
    await this.#api.call({ method: 'DELETE', path: pathOf`/users:external/${externalId}`, call });
  }

  #update(path: string, options: UpdateUserRequest): Promise<UserResponse> {
    const { externalId, userProfile, metadata } = options;
    return this.#api.call({
      method: 'PATCH',
      path,
      body: { externalId, userProfile, metadata },
      call: options,
    });
  }
}
