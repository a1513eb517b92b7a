// Writes dist/esm and dist/cjs with TypeScript's compiler; `npm pack` runs it first.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const here = import.meta.dirname;
const dist = path.join(here, 'dist');
const manifest = createRequire(import.meta.url).resolve('typescript/package.json');
const shared = '-p tsconfig.json --noEmit false --declaration --outDir'.split(' ');
const asCommonJs = '--module commonjs --moduleResolution bundler --verbatimModuleSyntax false'.split(' ');

rmSync(dist, { recursive: true, force: true });
compile('dist/esm', []);
compile('dist/cjs', asCommonJs);
for (const file of readdirSync(dist, { recursive: true })) if (file.endsWith('.d.ts')) mendImports(file);
// The package is of ES modules; this folder is not.
writeFileSync(path.join(dist, 'cjs/package.json'), '{ "type": "commonjs" }\n');

function compile(outDir, flags) {
  const args = [path.join(path.dirname(manifest), 'bin/tsc'), ...shared, outDir, ...flags];
  const result = spawnSync(process.execPath, args, { cwd: here, stdio: 'inherit' });
  if (result.status !== 0) process.exit(1);
}

// The compiler leaves `.ts` in declarations, which not every reader of them follows.
function mendImports(file) {
  const place = path.join(dist, file);
  writeFileSync(
    place,
    readFileSync(place, 'utf8').replaceAll(/((?:from |import\()'\.[^']*)\.ts'/g, "$1.js'"),
  );
}
