export type {
  AuditLogsClient,
  AuthRequest,
  AuthRequestStatus,
  AuthRequestsOptions,
} from './api/auth-logs.ts';
export type { Page, PageOptions } from './api/caller.ts';
export type {
  ClientChanges,
  ClientResponse,
  ClientSecret,
  ClientsClient,
  NewClient,
  RegisteredClient,
} from './api/clients.ts';
export type { Event, EventFilter, EventsClient, EventsOptions, EventsPage } from './api/events.ts';
export type { OrganizationClient } from './api/organizations.ts';
export {
  type PasswordlessClient,
  type PasswordlessCredential,
  type PasswordlessType,
  type SendPasswordlessOptions,
  type SendPasswordlessResponse,
  TemplateType,
  type VerifyPasswordlessResponse,
} from './api/passwordless.ts';
export type {
  RevokedSession,
  Session,
  SessionClient,
  SessionDevice,
  SessionStatus,
  SessionsOptions,
  SessionsPage,
} from './api/sessions.ts';
export type {
  CreateUserRequest,
  ProfileChanges,
  UpdateUserRequest,
  User,
  UserClient,
  UserProfile,
  UserResponse,
  UsersPage,
} from './api/users.ts';
export type { AuthorizationUrlOptions, LogoutUrlOptions } from './authorization.ts';
export type { ChallengeClient, ChallengeOptions, ChallengeStart } from './challenge.ts';
export {
  type AuthenticationOptions,
  type AuthenticationResponse,
  PosternClient,
  PosternClient as Scalekit,
  PosternClient as ScalekitClient,
  type PosternOptions,
  type RefreshTokenResponse,
  type SignInOptions,
  type SignInStart,
} from './client.ts';
export {
  type ErrorFacts,
  type FieldViolation,
  PosternApiError,
  PosternConnectionError,
  PosternError,
  PosternOAuthError,
  PosternSignatureError,
  PosternSignInError,
  PosternTokenError,
  PosternUsageError,
} from './errors.ts';
export type { CallOptions } from './http.ts';
export type { Callback } from './sign-in.ts';
export type { Claims } from './tokens/claims.ts';
export { type AccessTokenExpectations, type IdTokenExpectations, scopesOf } from './tokens/verifier.ts';
export type { SignedInUser } from './user.ts';
export type { IncomingHeaders } from './webhooks.ts';
