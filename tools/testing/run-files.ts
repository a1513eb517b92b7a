// Runs each test file in a process of its own and judges it by what it reported, how it ended, and when.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestRecord } from './events-reporter.ts';

export type Failure = { name: string; line: number; text: string };
export type FileResult = {
  file: string;
  ms: number;
  passed: number;
  failures: Failure[];
  notes: string[];
  /** The end of what the file printed. */
  output: string;
};
export type RunOptions = {
  root: string;
  /** Files that may run beside each other. */
  concurrency: number;
  timeoutMs: number;
  onResult: (result: FileResult) => void;
};
type Ending = { code: number | null; signal: string | null; timedOut: boolean; output: string };

const reporter = fileURLToPath(new URL('./events-reporter.ts', import.meta.url));
const outputMax = 16_384;
const running = new Set<ChildProcess>();

/** Runs `files` (relative to the root); those named `*.serial.test.*` measure time and run alone, last. */
export async function runFiles(files: string[], options: RunOptions): Promise<FileResult[]> {
  const isSerial = (file: string) => /\.serial\.test\.\w+$/.test(file);
  const results: FileResult[] = [];
  const drain = async (queue: string[]) => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const result = await runFile(file, options);
      results.push(result);
      options.onResult(result);
    }
  };
  const shared = files.filter((file) => !isSerial(file));
  await Promise.all(Array.from({ length: options.concurrency }, () => drain(shared)));
  await drain(files.filter(isSerial));
  return results;
}

/** Ends every test file that is still running, with all the processes it started. */
export function stopAll(): void {
  for (const child of running) killGroup(child);
}

async function runFile(file: string, options: RunOptions): Promise<FileResult> {
  const folder = await mkdtemp(path.join(tmpdir(), 'postern-test-'));
  const events = path.join(folder, 'events.ndjson');
  const startedAt = performance.now();
  try {
    const ending = await runProcess(file, events, options);
    const ms = performance.now() - startedAt;
    const records = parseRecords(await readFile(events, 'utf8').catch(() => ''));
    return { file, ms, ...judge(records, ending, options.timeoutMs), output: ending.output };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function runProcess(file: string, events: string, options: RunOptions): Promise<Ending> {
  const flags = [`--test-reporter=${reporter}`, `--test-reporter-destination=${events}`];
  const child = spawn(process.execPath, [...flags, path.join(options.root, file)], {
    cwd: options.root,
    env: cleanEnvironment(process.env),
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that what the file started ends with it.
    detached: process.platform !== 'win32',
  });
  running.add(child);
  let output = '';
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-outputMax);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  return new Promise((resolve, reject) => {
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      killGroup(child);
    }, options.timeoutMs);
    child.once('error', reject);
    child.once('exit', () => {
      clearTimeout(timer);
      running.delete(child);
      killGroup(child);
    });
    child.once('close', (code, signal) => resolve({ code, signal, timedOut, output }));
  });
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === 'win32') child.kill('SIGKILL');
    else process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Nothing of the group is left.
  }
}

// The reader's own settings of Postern must not reach the tests.
function cleanEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const isForeign = (name: string) => name.startsWith('POSTERN_') && !name.startsWith('POSTERN_TEST_');
  return Object.fromEntries(Object.entries(env).filter(([name]) => !isForeign(name)));
}

function parseRecords(text: string): TestRecord[] {
  // A killed process may leave its last line unfinished.
  const complete = text.slice(0, text.lastIndexOf('\n') + 1);
  return complete
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as TestRecord);
}

/** What the records and the way the process ended amount to: skipped, todo, crashed and empty are all failures. */
export function judge(
  records: TestRecord[],
  ending: Omit<Ending, 'output'>,
  timeoutMs: number,
): Pick<FileResult, 'passed' | 'failures' | 'notes'> {
  const ended = records.filter((record) => record.kind === 'ended');
  const failures = ended
    .filter((record) => record.outcome !== 'passed' && !record.isEcho)
    .map((record) => ({
      name: record.path.join(' > '),
      line: record.line,
      text: record.outcome === 'failed' ? record.error : `${record.outcome}: every test must run`,
    }));
  const passed = ended.filter((record) => record.outcome === 'passed' && !record.isSuite).length;
  const broken = fileFailure(records, { ...ending, timeoutMs, tests: passed + failures.length });
  // Failed tests explain a non-zero exit code by themselves.
  const isExplained = failures.length > 0 && broken?.isExit;
  if (broken && !isExplained) failures.push({ name: 'the file as a whole', line: 1, text: broken.text });
  return {
    passed,
    failures,
    notes: records.filter((record) => record.kind === 'note').map((note) => note.text),
  };
}

type FileEnding = Omit<Ending, 'output'> & { timeoutMs: number; tests: number };

function fileFailure(records: TestRecord[], ending: FileEnding): { text: string; isExit?: true } | undefined {
  if (ending.timedOut) {
    const still = unfinished(records);
    const what = still.length > 0 ? `still running: ${still.join('; ')}` : 'an open handle keeps it alive';
    return { text: `did not end within ${ending.timeoutMs / 1000} s; ${what}` };
  }
  const exit = ending.signal ? `signal ${ending.signal}` : `exit code ${ending.code}`;
  const isComplete = records.some((record) => record.kind === 'summary');
  if (!isComplete && ending.code !== 0) return { text: `crashed with ${exit}; see its output` };
  if (!isComplete && records.length > 0) return { text: `ended with ${exit} before its tests did` };
  if (ending.tests === 0) return { text: 'has no tests, or ended before they did' };
  return ending.code === 0 ? undefined : { text: `ended with ${exit}; see its output`, isExit: true };
}

function unfinished(records: TestRecord[]): string[] {
  const done = new Set(records.flatMap((record) => (record.kind === 'ended' ? [record.id] : [])));
  return records.flatMap((record) =>
    record.kind === 'begun' && !done.has(record.id) ? [record.path.join(' > ')] : [],
  );
}
