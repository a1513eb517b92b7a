import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { createAuthority } from '../fixtures/certificates.ts';

const folder = mkdtempSync(join(tmpdir(), 'postern-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const authority = createAuthority();
const { cert, key } = authority.issue('localhost');
for (const [name, pem] of Object.entries({ 'ca.pem': authority.cert, 'cert.pem': cert, 'key.pem': key }))
  writeFileSync(join(folder, name), pem);

const files = readdirSync(import.meta.dirname).filter((name) => /^node-.*\.test\.ts$/.test(name));

/** The runtime reads additional authorities only when it starts, so a process of its own runs the tests. */
function runOverTls(): Promise<{ code: number | null; output: string }> {
  const { NODE_TEST_CONTEXT: _, ...inherited } = process.env;
  const env = { ...inherited, POSTERN_TEST_TLS: folder, NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') };
  const args = ['--test', '--test-reporter=tap', '--test-concurrency=1', ...files];
  const child = spawn(process.execPath, args, { cwd: import.meta.dirname, env });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, output })));
}

describe('the published SDK over https, with the TLS of the server itself', () => {
  it('does all that it does over plain http', async () => {
    const { code, output } = await runOverTls();
    const failures = output.split('\n').filter((line) => /^\s*not ok /.test(line));
    assert.deepEqual(failures, [], output.slice(-4000));
    assert.equal(code, 0, output.slice(-2000));
    assert.ok(Number(/^# pass (\d+)$/m.exec(output)?.[1]) > 5 * files.length, output.slice(-2000));
  });
});
