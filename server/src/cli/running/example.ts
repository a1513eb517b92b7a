import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { SECOND } from '../../core/units.ts';
import type { Environment } from '../../platform/config.ts';
import { answers } from './ports.ts';
import type { Quickstart } from './quickstart.ts';
import { endsWithin } from './stopping.ts';

/** Beside the server in the repository; not shipped with the server alone. */
const APP = resolve(import.meta.dirname, '../../../../examples/quickstart/app.js');

const READY_WITHIN = 15 * SECOND;
const STOP_WITHIN = 3 * SECOND;

export interface Example {
  readonly url: string;
  /** Whether it takes connections; otherwise it has ended, and said why. */
  readonly ready: boolean;
  stop(): Promise<void>;
}

export function hasExample(): boolean {
  return existsSync(APP);
}

/** Starts the quickstart app with the Node that runs this, and waits until it answers. */
export async function startExample(
  by: Quickstart & { issuer: string; env: Environment },
  say: (line: string) => void,
): Promise<Example> {
  const child = spawn(process.execPath, [APP], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      ...withoutOurs(by.env),
      SCALEKIT_ENVIRONMENT_URL: by.issuer,
      SCALEKIT_CLIENT_ID: by.clientId,
      SCALEKIT_CLIENT_SECRET: by.clientSecret,
      PORT: String(by.port),
    },
  });
  const ended = new Promise<void>((end) => {
    child.once('exit', () => end());
    child.once('error', () => end());
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  createInterface({ input: child.stderr }).on('line', (line) => say(`quickstart: ${line}`));
  const ready = await endsFirst(isReady(by.port), ended);
  return {
    url: `http://localhost:${by.port}`,
    ready,
    stop: async () => {
      child.kill('SIGTERM');
      if (!(await endsWithin(STOP_WITHIN, ended))) kill();
      process.off('exit', kill);
    },
  };
}

async function isReady(port: number): Promise<boolean> {
  for (let waited = 0; waited < READY_WITHIN; waited += 50) {
    if (await answers(port)) return true;
    await pause(50);
  }
  return false;
}

function endsFirst(wanted: Promise<boolean>, other: Promise<void>): Promise<boolean> {
  return Promise.race([wanted, other.then(() => false)]);
}

/** The app is an app like any other: it has no business with our secrets. */
function withoutOurs(env: Environment): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('POSTERN_')));
}
