import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { runCli } from '../../src/cli/run.ts';
import { openRooms, startServer } from '../../src/main.ts';
import type { Environment } from '../../src/platform/config.ts';

export const SECRET = 'abcdefghijklmnopqrstuvwxyz0123456789';

const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Removed when the file's tests have ended. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'postern-cli-'));
  folders.push(folder);
  return folder;
}

export interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** One command line in this process, over the real rooms. */
export async function postern(args: string[], env: Environment = {}): Promise<Result> {
  const out: string[] = [];
  const err: string[] = [];
  const wiring = { open: openRooms, start: startServer };
  const io = { env, out: (line: string) => void out.push(line), err: (line: string) => void err.push(line) };
  const code = await runCli(args, wiring, io);
  return { code, out: out.join('\n'), err: err.join('\n') };
}

/** What a command says to a program. */
export async function json(args: string[]): Promise<ReturnType<typeof JSON.parse>> {
  const { code, out, err } = await postern([...args, '--json']);
  if (code !== 0) throw new Error(err);
  return JSON.parse(out);
}
