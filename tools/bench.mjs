// npm run bench: measures the shipped server; tools/bench/run.ts says what and how.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { ensureInstalled, nodeBinary, root, runTool } from './ensure-installed.mjs';
import { runChild } from './run-child.mjs';

const TASKSET = '/usr/bin/taskset';

await runTool(() => {
  ensureInstalled();
  const command = [nodeBinary(), path.join(root, 'tools', 'bench', 'run.ts'), ...process.argv.slice(2)];
  // The load has the second core, so that the server has the first for itself.
  const [file, ...args] = existsSync(TASKSET) ? [TASKSET, '-c', '1', ...command] : command;
  return runChild(file, args, { cwd: root });
});
