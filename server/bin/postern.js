#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

const OLDEST_NODE = 24;

if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
  console.error(`postern: Node ${OLDEST_NODE} or newer is needed; this is Node ${process.versions.node}.`);
  console.error(
    'Get a newer one from https://nodejs.org, or run `npm start` in the repository, which brings its own.',
  );
  process.exitCode = 1;
} else {
  // Beside the packages, not in the temporary folder, where anybody could put code for us to run.
  enableCompileCache(fileURLToPath(new URL('../../node_modules/.cache/postern', import.meta.url)));
  // `postern user list | head` closes the pipe early.
  process.stdout.on('error', (failure) => process.exit(failure.code === 'EPIPE' ? 0 : 1));
  process.exitCode = await run(process.argv.slice(2));
  // What a command left open must not keep it; standard output has a moment to drain.
  setTimeout(() => process.exit(), 100).unref();
}

/** Help and mistyped lines are answered before the server's code is loaded. */
async function run(args) {
  const { sayOnly } = await import('../src/cli/run.ts');
  const io = { out: (line) => console.log(line), err: (line) => console.error(line) };
  const said = sayOnly(args, io);
  if (said !== undefined) return said;
  quietRuntimeWarning();
  const { main } = await import('../src/main.ts');
  return main(args);
}

/** The library knows a long-term release by a mark that a release line gets late; the pinned line is one. */
function quietRuntimeWarning() {
  const { warn } = console;
  console.warn = (...words) => {
    if (!String(words[0]).includes('oidc-provider WARNING: Unsupported runtime')) warn(...words);
  };
}
