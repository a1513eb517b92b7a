import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import type { Target } from './sign-in.ts';

const TASKSET = '/usr/bin/taskset';

export interface Measured {
  readonly target: Target;
  /** CPU seconds, bytes written to storage and resident bytes of the process so far; undefined off Linux. */
  usage(): { cpu: number; written: number; resident: number } | undefined;
  /** Asks a process that measures itself, and gives what it says. */
  ask(question: object): Promise<unknown>;
  stop(): Promise<void>;
}

/** Starts one of the servers of the benchmark on the first core, and waits until it serves. */
export function startMeasured(script: string, args: string[], port: number): Promise<Measured> {
  const command = [process.execPath, script, String(port), ...args];
  const [file = '', ...rest] = existsSync(TASKSET) ? [TASKSET, '-c', '0', ...command] : command;
  const child = spawn(file, rest, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, NODE_ENV: 'production' },
  });
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${script} ended with ${code}`)));
    child.once('message', (credentials: Omit<Target, 'origin'>) =>
      resolve({
        target: { origin: `http://localhost:${port}`, ...credentials },
        ask: (question) =>
          new Promise((answered) => {
            child.once('message', answered);
            child.send(question);
          }),
        usage: () => usageOf(child.pid ?? 0),
        stop: () => stopped(child),
      }),
    );
  });
}

function stopped(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.removeAllListeners('exit');
    child.once('exit', () => resolve());
    child.disconnect();
  });
}

/** From /proc: fields 14 and 15 of `stat` are ticks of a hundredth of a second. */
function usageOf(pid: number) {
  if (!existsSync(`/proc/${pid}/stat`)) return undefined;
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  const io = readFileSync(`/proc/${pid}/io`, 'utf8');
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return {
    cpu: ticks / 100,
    written: Number(/^write_bytes: (\d+)/m.exec(io)?.[1] ?? 0),
    resident: Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) * 1024,
  };
}
