// npm run screenshots: takes the pictures of the hosted pages that the documents show.
import path from 'node:path';
import { ensureBrowser } from './ensure-browser.mjs';
import { ensureInstalled, nodeBinary, root, runTool } from './ensure-installed.mjs';
import { runChild } from './run-child.mjs';

await runTool(async () => {
  ensureInstalled();
  const browser = await ensureBrowser({ env: process.env, log: (line) => process.stderr.write(`${line}\n`) });
  const env = { ...process.env, POSTERN_TEST_BROWSER: browser };
  return runChild(nodeBinary(), [path.join(root, 'tools', 'screenshots.ts')], { cwd: root, env });
});
