import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { MailId } from '../../../src/core/ids.ts';
import { MINUTE } from '../../../src/core/units.ts';
import { createMailing } from '../../../src/mail/sending/mailing.ts';
import { createSecrets } from '../../../src/platform/secrets.ts';
import { eachDatabase } from '../../support/databases.ts';
import { accepted, OutboxBench, recorder } from '../../support/outboxes.ts';
import { FakeApi } from '../providers/fakes/fake-api.ts';

const SCRIPT = fileURLToPath(new URL('../../fixtures/mail-worker.ts', import.meta.url));
const STEPS = ['writing', 'about to ask', 'asked', 'answered', 'settled', 'never'] as const;

eachDatabase('a worker that is killed while it hands mail over', (store) => {
  const bench = new OutboxBench(store);
  const api = new FakeApi();
  const arrived: string[] = [];
  let onAsked: () => void = () => undefined;

  before(async () => {
    await api.listen();
    api.answer = ({ body }) => {
      const { id } = JSON.parse(body);
      arrived.push(id);
      onAsked();
      return { status: 200, body: { id } };
    };
  });
  after(() => api.close());

  /** Runs a worker until it takes `step`, and ends it there as a power cut would. */
  const runUntil = async (step: (typeof STEPS)[number]) => {
    const child = spawn(process.execPath, [SCRIPT, store.url, api.url], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    onAsked = () => (step === 'asked' ? void child.kill('SIGKILL') : undefined);
    child.stdout.setEncoding('utf8').on('data', (said: string) => {
      if (said.split('\n').includes(step)) child.kill('SIGKILL');
    });
    await exited;
  };

  it('leaves no mail that arrives twice, and none that nobody knows of', { timeout: 120_000 }, async () => {
    const secrets = createSecrets(['a-master-secret-of-the-tests-0123456789abcdef']);
    const parts = {
      database: bench.database,
      clock: bench.clock,
      secrets,
      outbound: api.outbound,
      local: false,
    };
    const mailing = createMailing({ ...parts, mailFrom: 'Acme <sign-in@acme.com>' });
    for (const name of ['one', 'two'])
      await mailing.providers.add({ kind: 'http', name, options: { url: `https://${name}.acme.com/` } });
    const ids: MailId[] = [];
    for (const step of STEPS) {
      ids.push(await bench.enqueue({ to: `ana${ids.length}@example.com` }));
      await runUntil(step);
    }
    for (const id of ids) assert.ok(arrived.filter((one) => one === id).length <= 1, `${id} arrived twice`);
    bench.clock.advance(2 * MINUTE);
    const { mails, transport } = recorder(accepted);
    const outbox = bench.start(transport);
    await outbox.idle();
    await outbox.stop();
    for (const id of ids) {
      const state = await bench.stateOf(id);
      const copies = [...arrived, ...mails.map(({ messageId }) => messageId)].filter(
        (one) => one === id,
      ).length;
      assert.ok(copies <= 1, `${id} arrived ${copies} times`);
      assert.ok(state === 'sent' || state === 'unclear', `${id} is ${state}`);
      if (state === 'sent') assert.equal(copies, 1);
    }
    await mailing.close();
  });
});
