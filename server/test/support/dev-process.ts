import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './server.ts';

export interface InboxMessage {
  readonly id: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly code: string;
  readonly link: string;
}

export interface DevProcess {
  readonly server: string;
  readonly example: string;
  /** The next mail to an address that is not among those already seen. */
  mailTo(address: string): Promise<InboxMessage>;
  stop(): Promise<void>;
}

const BIN = join(import.meta.dirname, '..', '..', 'bin', 'postern.js');

/** `postern dev` as a newcomer starts it: the real process with its inbox and its example app. */
export async function startDev(): Promise<DevProcess> {
  const data = mkdtempSync(join(tmpdir(), 'postern-dev-'));
  const port = await freePort();
  const child = spawn(process.execPath, [BIN, 'dev', '--port', String(port), '--data', data], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const table = await output(child, /Ctrl-C stops/);
  const example = /Example app\s+(\S+)/.exec(table)?.[1] ?? '';
  const server = `http://localhost:${port}`;
  const seen = new Map<string, string>();
  return {
    server,
    example,
    mailTo: async (address) => {
      const query = new URLSearchParams({ to: address, wait: '10', after: seen.get(address) ?? '' });
      if (!seen.has(address)) query.delete('after');
      const response = await fetch(`${server}/dev/inbox/messages?${query}`);
      const messages: InboxMessage[] = JSON.parse(await response.text());
      const newest = messages.at(-1);
      if (!newest) throw new Error(`no mail came to ${address}`);
      seen.set(address, newest.id);
      return newest;
    },
    stop: async () => {
      child.kill('SIGTERM');
      await new Promise((resolve) => child.once('exit', resolve));
      rmSync(data, { recursive: true, force: true });
    },
  };
}

function output(child: ChildProcess, until: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.once('exit', (code) => reject(new Error(`postern dev ended with ${code}:\n${text}`)));
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (until.test(text)) resolve(text);
    });
  });
}
