import type { ServiceImpl } from '@connectrpc/connect';
import {
  CodeChallengeType,
  ConnectionProvider,
  type ConnectionService,
  ConnectionStatus,
  ConnectionType,
  type PasswordLessConfig,
  PasswordlessType,
  type UpdateConnection,
} from '../../../generated/scalekit/v1/connections/connections_pb.js';
import { PASSWORDLESS_CONNECTION } from '../../core/ids.ts';
import { Problem, type Violation } from '../../core/problems.ts';
import { requireFields } from '../../platform/violations.ts';
import { type SettingName, type SettingValues, settingDefinitions } from '../../settings/definitions.ts';
import type { ApiParts } from '../parts.ts';

/** Numbered as connections number them: the passwordless service has the first two the other way round. */
const METHODS: Readonly<Record<SettingValues['passwordless.method'], PasswordlessType>> = {
  link: PasswordlessType.LINK,
  otp: PasswordlessType.OTP,
  link_otp: PasswordlessType.LINK_OTP,
};

const ALPHABETS: Readonly<Record<SettingValues['passwordless.code_alphabet'], CodeChallengeType>> = {
  numeric: CodeChallengeType.NUMERIC,
  alphanumeric: CodeChallengeType.ALPHANUMERIC,
};

/** The one connection, by another name the settings `passwordless.*`. */
export function connectionsService({
  settings,
}: Pick<ApiParts, 'settings'>): ServiceImpl<typeof ConnectionService> {
  const toggle = async (connectionId: string, enabled: boolean) => {
    requireOurs(connectionId);
    const { 'passwordless.enabled': known } = await settings.current();
    if (known !== enabled) await settings.set('passwordless.enabled', enabled);
    return { enabled };
  };
  return {
    getEnvironmentConnection: async ({ connectionId }) => {
      requireOurs(connectionId);
      return { connection: shown(await settings.current()) };
    },
    listConnections: async ({ organizationId, domain }) => {
      const isOfOrganization = Boolean(organizationId) || Boolean(domain); // there are none
      return { connections: isOfOrganization ? [] : [listed(await settings.current())] };
    },
    updateEnvironmentConnection: async ({ connectionId, connection }) => {
      requireOurs(connectionId);
      const changed = changedSettings(await settings.current(), connection);
      if (Object.keys(changed).length > 0) await settings.setAll(changed);
      return { connection: shown(await settings.current()) };
    },
    enableEnvironmentConnection: ({ connectionId }) => toggle(connectionId, true),
    disableEnvironmentConnection: ({ connectionId }) => toggle(connectionId, false),
  };
}

function requireOurs(id: string): void {
  if (id === PASSWORDLESS_CONNECTION) return;
  throw new Problem(
    'connection_not_found',
    `There is no connection ${id.slice(0, 60)}: the only one is ${PASSWORDLESS_CONNECTION}.`,
  );
}

/** The settings that differ from those there are. */
function changedSettings(known: SettingValues, connection?: UpdateConnection): Partial<SettingValues> {
  const config = connection?.settings.case === 'passwordlessConfig' ? connection.settings.value : undefined;
  const wanted = config ? wantedOf(config) : [];
  requireFields([...(connection ? strange(connection) : []), ...wanted.flatMap(faultOf)]);
  const changed = wanted.filter(({ name, value }) => value !== known[name]);
  return Object.fromEntries(changed.map(({ name, value }) => [name, value]));
}

interface Wanted {
  readonly field: string;
  readonly name: SettingName;
  readonly value: unknown;
}

/** What was sent: an absent field leaves its setting as it is. */
function wantedOf(config: PasswordLessConfig): Wanted[] {
  const method = nameOf(METHODS, config.type);
  const alphabet = nameOf(ALPHABETS, config.codeChallengeType);
  const all: [field: string, name: SettingName, value: unknown, isSent: boolean][] = [
    ['type', 'passwordless.method', method, config.type !== PasswordlessType.PasswordlessType_UNSPECIFIED],
    ['validity', 'passwordless.validity_seconds', config.validity, config.validity !== undefined],
    [
      'enforce_same_browser_origin',
      'passwordless.enforce_same_browser',
      config.enforceSameBrowserOrigin,
      config.enforceSameBrowserOrigin !== undefined,
    ],
    [
      'code_challenge_length',
      'passwordless.code_length',
      config.codeChallengeLength,
      config.codeChallengeLength !== undefined,
    ],
    ['code_challenge_type', 'passwordless.code_alphabet', alphabet, Boolean(config.codeChallengeType)],
    [
      'regenerate_passwordless_credentials_on_resend',
      'passwordless.regenerate_on_resend',
      config.regeneratePasswordlessCredentialsOnResend,
      config.regeneratePasswordlessCredentialsOnResend !== undefined,
    ],
  ];
  return all.flatMap(([field, name, value, isSent]) => (isSent ? [{ field, name, value }] : []));
}

function nameOf(numbers: Readonly<Record<string, number>>, wanted: number | undefined): string | undefined {
  return Object.entries(numbers).find(([, number]) => number === wanted)?.[0];
}

function faultOf({ field, name, value }: Wanted): Violation[] {
  const { error } = settingDefinitions[name].shape.safeParse(value);
  if (error === undefined) return [];
  const description = error.issues.map(({ message }) => message).join(', ');
  return [{ field: `connection.passwordless_config.${field}`, description, constraint: 'range' }];
}

/** What no setting stands for is refused, not lost. */
function strange(connection: UpdateConnection): Violation[] {
  const config = connection.settings.case === 'passwordlessConfig' ? connection.settings.value : undefined;
  const { provider, type } = connection;
  const faults: [field: string, isWrong: boolean][] = [
    ['provider', provider !== 0 && provider !== ConnectionProvider.SCALEKIT],
    ['type', type !== 0 && type !== ConnectionType.PASSWORDLESS],
    ['debug_enabled', connection.debugEnabled === true],
    ['ui_button_title', Boolean(connection.uiButtonTitle)],
    ['attribute_mapping', Object.keys(connection.attributeMapping).length > 0],
    ['passwordless_config.frequency', config?.frequency !== undefined],
  ];
  return faults.flatMap(([field, isWrong]) => {
    const description = 'cannot be set for the passwordless connection';
    return isWrong ? [{ field: `connection.${field}`, description, constraint: 'const' }] : [];
  });
}

function listed(values: SettingValues) {
  return {
    id: PASSWORDLESS_CONNECTION,
    provider: ConnectionProvider.SCALEKIT,
    type: ConnectionType.PASSWORDLESS,
    status: ConnectionStatus.COMPLETED,
    enabled: values['passwordless.enabled'],
    providerKey: 'SCALEKIT',
    keyId: PASSWORDLESS_CONNECTION,
  };
}

function shown(values: SettingValues) {
  const config = {
    type: METHODS[values['passwordless.method']],
    validity: values['passwordless.validity_seconds'],
    enforceSameBrowserOrigin: values['passwordless.enforce_same_browser'],
    codeChallengeLength: values['passwordless.code_length'],
    codeChallengeType: ALPHABETS[values['passwordless.code_alphabet']],
    regeneratePasswordlessCredentialsOnResend: values['passwordless.regenerate_on_resend'],
  };
  return { ...listed(values), settings: { case: 'passwordlessConfig' as const, value: config } };
}
