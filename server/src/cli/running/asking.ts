import { createInterface, type Interface } from 'node:readline';
import { Writable } from 'node:stream';

/**
 * Asks for secrets one by one: at a terminal without showing what is typed, elsewhere a line of the standard
 * input for each. Undefined when there is nothing more to read.
 */
export function secretsFromInput(): (label: string) => Promise<string | undefined> {
  let lines: AsyncIterator<string> | undefined;
  return (label) => {
    if (process.stdin.isTTY) return typed(label);
    lines ??= createInterface({ input: process.stdin })[Symbol.asyncIterator]();
    return lines.next().then(({ value, done }) => (done === true ? undefined : value));
  };
}

function typed(label: string): Promise<string | undefined> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader: Interface = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  process.stderr.write(`${label}: `);
  return new Promise((resolve) => {
    const end = (answer: string | undefined) => {
      process.stderr.write('\n');
      reader.close();
      resolve(answer);
    };
    reader.once('line', (line) => end(line));
    reader.once('SIGINT', () => end(undefined));
  });
}
