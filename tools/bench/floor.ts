import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { exportJWK } from 'jose';
import Provider, { type Adapter, type AdapterPayload } from 'oidc-provider';

/**
 * The floor: bare oidc-provider with its store in memory, the same two RS256 signatures, and neither mail,
 * page nor proof: whoever comes is signed in.
 */
const [port = '0'] = process.argv.slice(2);
const origin = `http://localhost:${port}`;
const records = new Map<string, AdapterPayload>();
const uids = new Map<string, string>();

class MemoryAdapter implements Adapter {
  readonly #kind: string;
  constructor(kind: string) {
    this.#kind = kind;
  }
  async upsert(id: string, payload: AdapterPayload) {
    records.set(`${this.#kind}:${id}`, payload);
    if (this.#kind === 'Session' && payload.uid) uids.set(payload.uid, id);
  }
  async find(id: string) {
    return records.get(`${this.#kind}:${id}`);
  }
  async findByUid(uid: string) {
    return this.find(uids.get(uid) ?? '');
  }
  async findByUserCode() {
    return undefined;
  }
  async consume(id: string) {
    const payload = records.get(`${this.#kind}:${id}`);
    if (payload) payload.consumed = Math.floor(Date.now() / 1000);
  }
  async destroy(id: string) {
    records.delete(`${this.#kind}:${id}`);
  }
  async revokeByGrantId() {}
}

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 3072 });
const redirectUri = 'http://localhost:9/auth/callback';
const client = {
  client_id: 'bench',
  client_secret: 'bench-secret',
  redirect_uris: [redirectUri],
  token_endpoint_auth_method: 'client_secret_post' as const,
};
const provider = new Provider(origin, {
  adapter: MemoryAdapter,
  routes: { authorization: '/oauth/authorize', token: '/oauth/token' },
  clients: [client],
  jwks: { keys: [{ ...(await exportJWK(privateKey)), kid: 'k1', alg: 'RS256', use: 'sig' }] },
  findAccount: (_ctx, id) => ({
    accountId: id,
    claims: async () => ({ sub: id, email: id, email_verified: true }),
  }),
  claims: { openid: ['sub'], email: ['email', 'email_verified'] },
  conformIdTokenClaims: false,
  pkce: { required: () => false },
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  features: {
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => origin,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({ scope: 'openid email', audience: 'bench', accessTokenFormat: 'jwt' }),
    },
  },
  loadExistingGrant: async (ctx) => {
    const grant = new provider.Grant({ accountId: ctx.oidc.account?.accountId, clientId: 'bench' });
    grant.addOIDCScope('openid email');
    grant.addResourceScope(origin, 'openid email');
    await grant.save();
    return grant;
  },
});
provider.silent = true;
const library = provider.callback();
createServer((request, response) => {
  if (!request.url?.startsWith('/interaction/')) return void library(request, response);
  const login = { accountId: `person-${records.size}@example.com`, amr: ['otp'] };
  provider.interactionFinished(request, response, { login }).catch(() => response.writeHead(500).end());
}).listen(Number(port), '127.0.0.1', () =>
  process.send?.({ clientId: 'bench', clientSecret: 'bench-secret', redirectUri }),
);
process.once('disconnect', () => process.exit(0));
