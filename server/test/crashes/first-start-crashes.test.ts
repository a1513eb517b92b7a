import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { SIGNING_ALGS } from '../../src/oidc/keys.ts';
import { allKeys } from '../../src/oidc/store.ts';
import { migrations } from '../../src/platform/database/migrations.ts';
import { openDatabase } from '../../src/platform/database/open.ts';
import { clusterConfig } from '../fixtures/race-cluster.ts';
import { eachDatabase } from '../support/databases.ts';

/** Starts a server that is to be killed at a point of its start; says whether it was. */
function start(database: string, point: number): Promise<'killed' | 'started'> {
  const script = fileURLToPath(new URL('../fixtures/crash-server.ts', import.meta.url));
  const config = JSON.stringify(clusterConfig(database, 'smtp://127.0.0.1:9'));
  const child = spawn(process.execPath, [script, config], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  child.send({ arm: point });
  child.send({ start: true });
  return new Promise((resolve, reject) => {
    let listens = false;
    child.on('message', (message: { port?: number }) => {
      if (message.port === undefined) return;
      listens = true;
      child.disconnect();
    });
    child.once('exit', (code, signal) => {
      if (signal === 'SIGKILL') return resolve('killed');
      return listens ? resolve('started') : reject(new Error(`the server ended with ${code ?? signal}`));
    });
  });
}

async function requireComplete(url: string): Promise<void> {
  const database = openDatabase(url);
  const keys = await database.read(allKeys);
  const applied = await database.read((q) =>
    q
      .withTables<{ migrations: { name: string } }>()
      .selectFrom('migrations')
      .select('name')
      .orderBy('name')
      .execute(),
  );
  await database.close();
  assert.deepEqual(
    applied.map(({ name }) => name),
    Object.keys(migrations),
  );
  assert.deepEqual(
    keys.map(({ alg, state }) => `${alg} ${state}`).sort(),
    SIGNING_ALGS.flatMap((alg) => [`${alg} current`, `${alg} next`]).sort(),
  );
}

eachDatabase('a server that is killed', (given) =>
  describe('while it starts for the first time', () => {
    it('starts the next time, with its tables and one set of keys', async (t) => {
      let kills = 0;
      for (let point = 1; ; point += 1) {
        const url = await given.createEmpty();
        const ending = await start(url, point);
        if (ending === 'killed') assert.equal(await start(url, 0), 'started');
        await requireComplete(url);
        if (ending === 'started') break;
        kills += 1;
      }
      t.diagnostic(`killed at ${kills} points`);
      assert.ok(kills >= 4, `only ${kills} points: the tables and the keys are two transactions`);
    });
  }),
);
