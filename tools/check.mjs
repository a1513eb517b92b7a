// npm run check: format, lint, types, the tidy and the documentation tests. A line per step, details only of failures.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ensureInstalled, nodeBinary, root, runTool } from './ensure-installed.mjs';

const modules = path.join(root, 'node_modules');

function steps() {
  return [
    {
      name: 'format and lint',
      args: [path.join(modules, '@biomejs/biome/bin/biome'), 'ci', '--max-diagnostics=100', '.'],
    },
    ...typeChecks(),
    { name: 'tidy and docs', args: [path.join(root, 'tools/testing/main.ts'), 'tools/'] },
  ];
}

// The root project, and each workspace that brings a project of its own.
function typeChecks() {
  const { workspaces } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  return ['.', ...workspaces.filter((folder) => !folder.includes('*'))]
    .map((folder) => ({ folder, project: path.join(root, folder, 'tsconfig.json') }))
    .filter(({ project }) => existsSync(project))
    .map(({ folder, project }) => ({
      name: folder === '.' ? 'types' : `types of ${folder}`,
      args: [path.join(modules, 'typescript/bin/tsc'), '-p', project],
    }));
}

function runStep({ name, args }) {
  const started = performance.now();
  return new Promise((resolve) => {
    const child = spawn(nodeBinary(), args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    const chunks = [];
    child.stdout.on('data', (chunk) => chunks.push(chunk));
    child.stderr.on('data', (chunk) => chunks.push(chunk));
    child.once('error', (error) => chunks.push(Buffer.from(String(error))));
    child.once('close', (code) => {
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      process.stdout.write(`${code === 0 ? 'ok  ' : 'FAIL'}  ${name.padEnd(18)} ${seconds.padStart(5)} s\n`);
      resolve({ name, isSuccess: code === 0, output: Buffer.concat(chunks).toString() });
    });
  });
}

await runTool(async () => {
  ensureInstalled();
  const results = await Promise.all(steps().map(runStep));
  const failed = results.filter((result) => !result.isSuccess);
  for (const { name, output } of failed) process.stdout.write(`\n--- ${name} ---\n${output.trimEnd()}\n`);
  if (failed.length > 0)
    process.stdout.write(`\nFailed: ${failed.map((result) => result.name).join(', ')}\n`);
  return failed.length === 0 ? 0 : 1;
});
