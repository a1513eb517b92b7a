import { startServer } from '../../server/src/main.ts';
import type { Config } from '../../server/src/platform/config.ts';

/** The server of the benchmark: the shipped one, told where its store and its relay are, with its limits raised. */
const [port = '0', database = '', smtpUrl = ''] = process.argv.slice(2);
const config: Config = {
  mode: 'serve',
  url: `http://localhost:${port}`,
  listen: { host: '127.0.0.1', port: Number(port) },
  database,
  secrets: ['the-master-secret-of-the-benchmark-0123456789'],
  smtpUrl,
  mailFrom: 'Bench <sign-in@bench.example>',
  trustProxy: [],
  workers: 1,
  logLevel: 'error',
  dataDir: '.',
};
const server = await startServer(config);
for (const name of ['starts_per_source', 'failures_per_source', 'mails_per_deployment']) {
  await server.rooms.settings.set(`limits.${name}_hour`, 10_000_000);
}
await server.rooms.settings.set('email.check_domain', false); // its addresses are nobody's, and the DNS says so
const redirectUri = 'http://localhost:9/auth/callback';
const { client, clientSecret } = await server.rooms.clients.create({
  name: 'Bench',
  redirectUris: [redirectUri],
});
process.send?.({ clientId: client.id, clientSecret, redirectUri });
process.once('disconnect', () => void server.stop().then(() => process.exit(0)));
