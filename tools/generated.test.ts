import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { it } from 'node:test';

const root = path.resolve(import.meta.dirname, '..');
const commands = path.join(root, 'node_modules/.bin');

function filesBelow(folder: string): Map<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  const paths = entries.map((one) => path.join(one.parentPath, one.name)).toSorted();
  return new Map(paths.map((file) => [path.relative(folder, file), readFileSync(file, 'utf8')]));
}

it('the generated code is what `npm run proto` makes of the proto files', () => {
  const made = mkdtempSync(path.join(tmpdir(), 'postern-proto-'));
  try {
    // The template writes to `../server/generated`, seen from the folder it is given.
    execFileSync(path.join(commands, 'buf'), ['generate', '-o', path.join(made, 'proto')], {
      cwd: path.join(root, 'proto'),
      env: { ...process.env, PATH: `${commands}${path.delimiter}${process.env.PATH}` },
    });
    const [fresh, kept] = [path.join(made, 'server/generated'), path.join(root, 'server/generated')];
    assert.deepEqual(filesBelow(kept), filesBelow(fresh));
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
});
