// npm run postern -- COMMAND: the command line of a clone, on the pinned Node.
import path from 'node:path';
import { ensureInstalled, nodeBinary, root, runTool } from './ensure-installed.mjs';
import { runChild } from './run-child.mjs';

await runTool(() => {
  ensureInstalled();
  return runChild(nodeBinary(), [path.join(root, 'server', 'bin', 'postern.js'), ...process.argv.slice(2)]);
});
