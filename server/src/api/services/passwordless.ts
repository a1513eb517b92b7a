import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import {
  type PasswordlessService,
  PasswordlessType,
  type SendPasswordlessRequest,
  TemplateType,
  type VerifyPasswordLessRequest,
} from '../../../generated/scalekit/v1/auth/passwordless_pb.js';
import { type Client, findClient } from '../../clients/store.ts';
import { Problem } from '../../core/problems.ts';
import { SECOND } from '../../core/units.ts';
import { fieldsRefused } from '../../platform/violations.ts';
import type { Method, TemplateChoice } from '../../sign-in/headless/options.ts';
import { resendHeadless, type Sent, sendHeadless } from '../../sign-in/headless/sending.ts';
import { type Credential, type Verified, verifyHeadless } from '../../sign-in/headless/verifying.ts';
import type { ApiParts } from '../parts.ts';
import { callerOf } from '../rpc/authentication.ts';

/** Proving an address for an app that shows its own pages. */
export function passwordlessService(parts: ApiParts): ServiceImpl<typeof PasswordlessService> {
  return {
    sendPasswordlessEmail: async (request, context) => {
      const client = await clientOf(parts, context);
      return sentOf(await sendHeadless(parts, { ...wishOf(request), client }));
    },
    resendPasswordlessEmail: async ({ authRequestId }, context) =>
      sentOf(await resendHeadless(parts, { clientId: callerOf(context).clientId, authRequestId })),
    verifyPasswordlessEmail: async (request, context) => {
      const { authRequestId } = request;
      const { clientId } = callerOf(context);
      return verifiedOf(
        await verifyHeadless(parts, { clientId, authRequestId, credential: credentialOf(request) }),
      );
    },
  };
}

async function clientOf(parts: ApiParts, context: HandlerContext): Promise<Client> {
  const client = await parts.database.read((q) => findClient(q, callerOf(context).clientId));
  if (client) return client;
  throw new Problem('unauthenticated', 'The client of this token is gone.');
}

function wishOf(request: SendPasswordlessRequest) {
  const { email, magiclinkAuthUri, state, expiresIn, templateVariables } = request;
  const template = templateOf(request.template);
  return { email, template, magiclinkAuthUri, state, expiresIn, templateVariables };
}

function templateOf(type: TemplateType = TemplateType.UNSPECIFIED): TemplateChoice | undefined {
  switch (type) {
    case TemplateType.UNSPECIFIED:
      return undefined;
    case TemplateType.SIGNIN:
      return 'SIGNIN';
    case TemplateType.SIGNUP:
      return 'SIGNUP';
    default: // an open enum: any number may come
      throw fieldsRefused([
        { field: 'template', description: 'takes SIGNIN or SIGNUP', constraint: 'defined_only' },
      ]);
  }
}

function credentialOf({ authCredential }: VerifyPasswordLessRequest): Credential {
  switch (authCredential.case) {
    case 'code':
      return { code: authCredential.value };
    case 'linkToken':
      return { linkToken: authCredential.value };
    case undefined:
      throw fieldsRefused([
        { field: 'auth_credential', description: 'takes a code or a link_token', constraint: 'required' },
      ]);
    default:
      return authCredential satisfies never;
  }
}

function sentOf({ authRequestId, expiresAt, expiresIn, method }: Sent) {
  const expires = BigInt(Math.floor(expiresAt / SECOND));
  return { authRequestId, expiresAt: expires, expiresIn, passwordlessType: TYPES[method] };
}

function verifiedOf({ email, state, template, method }: Verified) {
  return {
    email,
    passwordlessType: TYPES[method],
    ...(state !== undefined && { state }),
    ...(template && { template: TemplateType[template] }),
  };
}

const TYPES = {
  otp: PasswordlessType.OTP,
  link: PasswordlessType.LINK,
  link_otp: PasswordlessType.LINK_OTP,
} as const satisfies Record<Method, PasswordlessType>;
