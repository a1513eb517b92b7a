// Loaded into every test file's process: writes what happened there as JSON lines, complete enough to tell a
// passed file from one that stopped in the middle.
import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';

export type TestRecord =
  | { kind: 'begun'; id: number; path: string[] }
  | {
      kind: 'ended';
      id: number;
      path: string[];
      line: number;
      isSuite: boolean;
      outcome: 'passed' | 'failed' | 'skipped' | 'todo';
      /** The failure of a parent that only repeats those of its children. */
      isEcho: boolean;
      error: string;
    }
  | { kind: 'note'; text: string }
  | { kind: 'summary' };

// The runner's own totals, which look like the notes of a test.
const totals = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;

export default async function* eventsReporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const known = new Map<number, { name: string; parentId: number | undefined }>();
  const pathOf = (id: number | undefined): string[] => {
    const found = id === undefined ? undefined : known.get(id);
    return found ? [...pathOf(found.parentId), found.name] : [];
  };
  for await (const event of source) {
    if (event.type === 'test:enqueue') known.set(event.data.testId, event.data);
    const record = toRecord(event, pathOf);
    if (record) yield `${JSON.stringify(record)}\n`;
  }
}

function toRecord(event: TestEvent, pathOf: (id: number) => string[]): TestRecord | undefined {
  switch (event.type) {
    case 'test:dequeue':
      return { kind: 'begun', id: event.data.testId, path: pathOf(event.data.testId) };
    case 'test:pass':
    case 'test:fail':
      return ended(event, pathOf(event.data.testId));
    case 'test:diagnostic':
      return totals.test(event.data.message) ? undefined : { kind: 'note', text: event.data.message };
    case 'test:summary':
      return { kind: 'summary' };
    default:
      return undefined;
  }
}

type EndedEvent = Extract<TestEvent, { type: 'test:pass' | 'test:fail' }>;

function ended(event: EndedEvent, path: string[]): TestRecord {
  const { data } = event;
  const failure = event.type === 'test:fail' ? event.data.details.error : undefined;
  const failed = failure ? 'failed' : 'passed';
  return {
    kind: 'ended',
    id: data.testId,
    path,
    line: data.line ?? 0,
    isSuite: data.details.type === 'suite',
    outcome: isSet(data.skip) ? 'skipped' : isSet(data.todo) ? 'todo' : failed,
    isEcho: failureType(failure) === 'subtestsFailed',
    error: failure ? describeError(failure.cause ?? failure) : '',
  };
}

// The flag is `true` or the reason given for it, which may be empty.
function isSet(flag: string | boolean | undefined): boolean {
  return flag !== undefined && flag !== false;
}

function failureType(error: unknown): unknown {
  return error instanceof Error && 'failureType' in error ? error.failureType : undefined;
}

function describeError(error: unknown): string {
  if (!(error instanceof Error)) return inspect(error);
  // An assertion's message already holds the difference; its properties would only repeat it.
  const text =
    error.name === 'AssertionError' ? (error.stack ?? error.message) : inspect(error, { depth: 4 });
  return text
    .split('\n')
    .filter((line) => !/^\s+at .*\(?node:/.test(line))
    .join('\n');
}
