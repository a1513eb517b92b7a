import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openDatabase } from '../../src/platform/database/open.ts';
import { eachDatabase, onSqlite } from '../support/databases.ts';
import { counted, incrementAll, keys, put, startCounter } from '../support/rows.ts';

const program = fileURLToPath(new URL('../fixtures/database-process.ts', import.meta.url));

function start(command: string, url: string, argument = ''): ChildProcess {
  const child = spawn(process.execPath, [program, command, url, argument], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.stdout?.setEncoding('utf8');
  return child;
}

/** What it printed, once it has ended by itself. */
function finished(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = '';
    child.stdout?.on('data', (text: string) => {
      printed += text;
    });
    child.once('error', reject).once('close', (code, signal) => {
      if (code === 0 || signal === 'SIGKILL') resolve(printed);
      else reject(new Error(`the process ended with ${code ?? signal}`));
    });
  });
}

function printed(child: ChildProcess, wanted: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.once('close', () => reject(new Error(`it ended and printed only ${text}`)));
    child.stdout?.on('data', (more: string) => {
      text += more;
      if (wanted.test(text)) resolve();
    });
  });
}

eachDatabase('several processes', (given) => {
  it('that migrate at once apply every migration once', async () => {
    const url = await given.createEmpty();
    const children = [1, 2, 3].map(() => finished(start('migrate', url)));
    const applied = (await Promise.all(children)).map((text): unknown => JSON.parse(text));
    const names = applied.flat();
    assert.ok(names.length > 0);
    assert.equal(new Set(names).size, names.length, 'none twice');
    assert.equal(
      applied.filter((list) => Array.isArray(list) && list.length === 0).length,
      2,
      'all by one of them',
    );
  });

  it('that read, decide and write at once lose nothing', async () => {
    const database = await given.open();
    await startCounter(database, 'two-processes');
    const other = finished(start('count', given.url, 'two-processes'));
    await Promise.all([incrementAll(database, 'two-processes'), other]);
    assert.equal(await counted(database, 'two-processes'), 200);
  });

  it('that are killed have kept every write they acknowledged', async () => {
    const database = await given.open();
    await startCounter(database, 'killed');
    const child = start('count-for-ever', given.url, 'killed');
    const all = finished(child);
    await printed(child, /\n5\d\n/);
    child.kill('SIGKILL');
    const acknowledged = Number((await all).trimEnd().split('\n').at(-1));
    const kept = await counted(await given.open(), 'killed');
    assert.ok(
      acknowledged >= 50 && (kept === acknowledged || kept === acknowledged + 1),
      `${acknowledged}, ${kept}`,
    );
    await incrementAll(database, 'killed', { times: 1, width: 1 });
    assert.ok((await counted(database, 'killed')) > kept, 'and stand in nobody’s way');
  });
});

onSqlite('another process that writes for a while', (given) => {
  it('is waited for, while this one goes on with other things', async () => {
    const database = await given.open();
    const child = start('hold', given.url, '700');
    const end = finished(child);
    await printed(child, /held/);
    let ticks = 0;
    const ticking = setInterval(() => {
      ticks += 1;
    }, 10);
    await database.write((q) => put(q, 'waited'));
    clearInterval(ticking);
    assert.deepEqual(await keys(database, 'waited'), ['waited']);
    assert.ok(ticks >= 20, `${ticks} turns in 700 ms`);
    await end;
  });

  it('is waited for by every process that opens the file', async () => {
    await given.open();
    const child = start('hold', given.url, '300');
    const end = finished(child);
    await printed(child, /held/);
    const late = openDatabase(given.url);
    await late.write((q) => put(q, 'opened late'));
    await late.close();
    await end;
  });
});
