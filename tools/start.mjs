// npm start: installs what is missing, then becomes `postern dev`.
import path from 'node:path';
import { ensureInstalled, nodeBinary, root, runTool } from './ensure-installed.mjs';
import { runChild } from './run-child.mjs';

await runTool(() => {
  ensureInstalled();
  const postern = path.join(root, 'server', 'bin', 'postern.js');
  return runChild(nodeBinary(), [postern, 'dev', ...process.argv.slice(2)]);
});
