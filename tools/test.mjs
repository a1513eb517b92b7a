// npm test [-- PART-OF-A-PATH ...]: installs what is missing, a Chromium too, then runs every test on the pinned Node.
import path from 'node:path';
import { ensureBrowser } from './ensure-browser.mjs';
import { ensureInstalled, nodeBinary, root, runTool } from './ensure-installed.mjs';
import { runChild } from './run-child.mjs';

await runTool(async () => {
  ensureInstalled();
  const env = { ...process.env, POSTERN_TEST_BROWSER: await ensureBrowser() };
  const runner = path.join(root, 'tools', 'testing', 'main.ts');
  return runChild(nodeBinary(), [runner, ...process.argv.slice(2)], { env });
}, '0 passed, 1 failed\n');
