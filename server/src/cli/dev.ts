import type { Config, Overrides } from '../platform/config.ts';
import { answer, type Call, type Command, configFor, wholeNumber } from './command.ts';
import { type Example, hasExample, startExample } from './running/example.ts';
import { freePort } from './running/ports.ts';
import { ensureQuickstart, type Quickstart } from './running/quickstart.ts';
import { stopAsked } from './running/stopping.ts';
import { facts } from './table.ts';

export const devCommand: Command = {
  summary: 'Run everything on this machine: server, inbox and the example app',
  usage: 'postern dev [--port N] [--no-example] [--data DIR]',
  takes: { min: 0, max: 0 },
  flags: {
    port: { type: 'string', value: 'N', meaning: 'Port of the server (4000; 0: any free one)' },
    'no-example': { type: 'boolean', meaning: 'Do not start the example app' },
  },
  examples: ['postern dev', 'postern dev --port 4100 --data /tmp/postern', 'npm start -- --no-example'],
  run: async (call) => {
    const config = await configFor(call, 'dev', await portFlag(call));
    const asked = stopAsked();
    const server = await call.wiring.start(config);
    let example: Example | undefined;
    try {
      const quickstart = await ensureQuickstart(server.rooms.clients, config.dataDir);
      if (!call.has('no-example') && hasExample())
        example = await startExample({ ...quickstart, issuer: server.url, env: call.io.env }, call.io.err);
      report(call, config, { url: server.url, quickstart, example });
      await asked;
    } finally {
      await example?.stop();
      await server.stop();
    }
    return 0;
  },
};

async function portFlag(call: Call): Promise<Overrides> {
  const wanted = wholeNumber(call, 'port', 65_535);
  if (wanted === undefined) return {};
  return { port: wanted === 0 ? await freePort({ from: 1, to: 0 }) : wanted };
}

interface Started {
  readonly url: string;
  readonly quickstart: Quickstart;
  readonly example: Example | undefined;
}

function report(call: Call, config: Config, { url, quickstart, example }: Started): void {
  const inbox = config.smtpUrl === undefined ? `${url}/dev/inbox` : undefined;
  const app = example?.ready ? example.url : undefined;
  const data = {
    url,
    inbox,
    example: app,
    client_id: quickstart.clientId,
    client_secret: quickstart.clientSecret,
    data: config.dataDir,
  };
  const addresses = facts([
    ['Example app', app ?? (example ? 'did not start: see above' : undefined)],
    ['Sign-in server', url],
    ['Discovery', `${url}/.well-known/openid-configuration`],
    ['Inbox', inbox],
    ['Client id', quickstart.clientId],
    ['Client secret', quickstart.clientSecret],
    ['Data', config.dataDir],
  ]);
  const next = app
    ? `Open ${app} and sign in with any address: its mail arrives in the inbox.`
    : 'Sign in from your app with any address: its mail arrives in the inbox.';
  const lines = [
    '',
    'Postern is running',
    '',
    ...addresses,
    '',
    `${inbox ? next : ''} Ctrl-C stops.`.trim(),
    '',
  ];
  answer(
    call,
    data,
    lines.map((line) => (line === '' ? '' : `  ${line}`)),
  );
}
