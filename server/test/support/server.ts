import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Server, type StandIns, startServer } from '../../src/main.ts';
import type { Config } from '../../src/platform/config.ts';
import type { SettingName, SettingValues } from '../../src/settings/definitions.ts';

/** Limits high enough that a story meets none it does not ask for. */
const ROOMY: Partial<SettingValues> = {
  'limits.mails_per_address_minute': 10,
  'limits.mails_per_address_day': 100,
  'limits.resend_after_seconds': 0,
  'limits.starts_per_source_hour': 1_000_000,
  'limits.failures_per_source_hour': 1_000_000,
  'limits.mails_per_deployment_hour': 1_000_000,
  'email.check_domain': false,
};

export interface TestServer extends Server {
  readonly config: Config;
  /** A registered app, as `postern client create` makes one. */
  readonly app: { id: string; secret: string; redirectUri: string; postLogoutUri: string };
}

export interface TestServerOptions extends StandIns {
  readonly database?: string;
  readonly settings?: Partial<SettingValues>;
  readonly config?: Partial<Config>;
}

export const SECRET = 'a-master-secret-of-the-tests-0123456789abcdef';

/** The whole server in this process, on a free port, over a fresh SQLite file unless another store is named. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const dataDir = mkdtempSync(join(tmpdir(), 'postern-test-'));
  const config = await testConfig(dataDir, options);
  const server = await startServer(config, { log: quiet, ...options });
  for (const [name, value] of Object.entries({ ...ROOMY, ...options.settings }))
    await server.rooms.settings.set(name as SettingName, value);
  const redirectUri = 'http://localhost:9/auth/callback';
  const postLogoutUri = 'http://localhost:9/';
  const { client, clientSecret } = await server.rooms.clients.create({
    name: 'Acme',
    redirectUris: [redirectUri],
    postLogoutRedirectUris: [postLogoutUri],
  });
  return {
    ...server,
    config,
    app: { id: client.id, secret: clientSecret ?? '', redirectUri, postLogoutUri },
    stop: async () => {
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

export async function testConfig(dataDir: string, options: TestServerOptions = {}): Promise<Config> {
  const port = options.config?.listen?.port ?? (await freePort());
  return {
    mode: 'dev',
    url: `http://localhost:${port}`,
    listen: { host: '127.0.0.1', port },
    database: options.database ?? `sqlite:${join(dataDir, 'postern.db')}`,
    secrets: [SECRET],
    mailFrom: 'Acme <sign-in@localhost>',
    trustProxy: [],
    workers: 1,
    logLevel: 'error',
    dataDir,
    ...options.config,
  };
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

const quiet = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: (...entry: unknown[]) => console.error('log.error', ...entry),
};
