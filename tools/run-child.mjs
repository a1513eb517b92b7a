// Runs one program in the foreground as if this process were that program.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/** Runs `command` with our terminal; resolves with its exit code, 128 + n when signal n ended it. */
export function runChild(command, args, options = {}) {
  const child = spawn(command, args, { stdio: 'inherit', ...options });
  const forward = (signal) => {
    // A terminal sends Ctrl-C to the whole group: forwarding it again would look like a second, impatient one.
    if (signal === 'SIGINT' && process.stdin.isTTY) return;
    child.kill(signal);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, forward);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) =>
      resolve(code ?? 128 + (constants.signals[signal ?? 'SIGTERM'] ?? 0)),
    );
  });
}
