import { understand } from './command-line.ts';
import { type Trouble, troubleOf } from './trouble.ts';
import type { Io, Wiring } from './wiring.ts';

export type { Io, Rooms, Running, Wiring } from './wiring.ts';

/** Runs one command line. Gives the exit code: 0 done, 1 refused or failed, 2 not understood. */
export async function runCli(argv: readonly string[], wiring: Wiring, io: Io): Promise<number> {
  const said = sayOnly(argv, io);
  if (said !== undefined) return said;
  try {
    const understood = understand(argv);
    return understood.kind === 'run' ? await understood.command.run({ ...understood.call, io, wiring }) : 0;
  } catch (failure) {
    return tell(troubleOf(failure), argv.includes('--json'), io);
  }
}

/** The exit code when a line only needs words; undefined when a command must run. */
export function sayOnly(argv: readonly string[], io: Pick<Io, 'out' | 'err'>): number | undefined {
  try {
    const understood = understand(argv);
    if (understood.kind === 'run') return undefined;
    for (const line of understood.lines) io.out(line);
    return 0;
  } catch (failure) {
    return tell(troubleOf(failure), argv.includes('--json'), io);
  }
}

/** A program reads the code, a person the two lines. */
function tell(trouble: Trouble, json: boolean, io: Pick<Io, 'out' | 'err'>): number {
  const { exitCode, code, what, todo } = trouble;
  const lines = json ? [JSON.stringify({ code, what, todo })] : [`postern: ${what}`, todo];
  for (const line of lines) io.err(line);
  return exitCode;
}
