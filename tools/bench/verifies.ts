import { type Client, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { PasswordlessService } from '../../server/generated/scalekit/v1/auth/passwordless_pb.js';
import { send } from './http.ts';
import { codeIn, type SignIn, type Target } from './sign-in.ts';
import type { Sink } from './sink.ts';

type Passwordless = Client<typeof PasswordlessService>;

interface Waiting {
  readonly authRequestId: string;
  readonly email: string;
  readonly code: string;
}

/** The server of an app: it sends mails beforehand, and then has the code of each verified once. */
export interface App {
  /** Begins `count` sign-ins, and reads their codes in the mails. */
  begin(count: number): Promise<void>;
  readonly verify: SignIn;
  /** Verifies that did not give the address of their mail. */
  errors(): number;
}

const AT_ONCE = 32;

/** Speaks gRPC as the SDKs do, over one connection without TLS. */
export async function startApp(target: Target, sink: Sink): Promise<App> {
  const authorization = `Bearer ${await clientToken(target)}`;
  const transport = createGrpcTransport({ baseUrl: target.origin, defaultTimeoutMs: 20_000 });
  const client = createClient(PasswordlessService, transport);
  const options = { headers: { authorization } };
  const magiclinkAuthUri = new URL('/verify', target.redirectUri).href;
  const waiting: Waiting[] = [];
  let sent = 0;
  let errors = 0;
  const sendOne = async () => {
    const email = `verified-${process.pid}-${sent++}@example.com`;
    const { authRequestId } = await client.sendPasswordlessEmail({ email, magiclinkAuthUri }, options);
    waiting.push({ authRequestId, email, code: codeIn(await sink.mailTo(email)) });
  };
  return {
    begin: async (count) => {
      let left = count;
      const sender = async () => {
        while (left-- > 0) await sendOne();
      };
      await Promise.all(Array.from({ length: AT_ONCE }, sender));
    },
    verify: async () => {
      const one = waiting.shift();
      if (one === undefined) throw new Error('the benchmark has begun too few sign-ins');
      if (!(await isVerified(client, one, options))) errors += 1;
      return 1;
    },
    errors: () => errors,
  };
}

async function isVerified(
  client: Passwordless,
  { authRequestId, email, code }: Waiting,
  options: { headers: Record<string, string> },
): Promise<boolean> {
  const authCredential = { case: 'code', value: code } as const;
  try {
    const answer = await client.verifyPasswordlessEmail({ authCredential, authRequestId }, options);
    return answer.email === email;
  } catch (failure) {
    console.error(`a verify failed: ${failure}`);
    return false;
  }
}

async function clientToken({ origin, clientId, clientSecret }: Target): Promise<string> {
  const fields = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret };
  const answer = await send(new URL('/oauth/token', origin), {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(fields).toString(),
  });
  return JSON.parse(answer.body).access_token;
}
