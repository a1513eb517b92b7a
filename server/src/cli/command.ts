import type { Config, Mode, Overrides } from '../platform/config.ts';
import type { Io, Rooms, Wiring } from './wiring.ts';

/** A command line that nobody could follow: what is wrong, and what to type instead. */
export class UsageError extends Error {
  readonly todo: string;

  constructor(what: string, todo: string) {
    super(what);
    this.todo = todo;
  }
}

export interface Flag {
  readonly type: 'string' | 'boolean';
  readonly multiple?: boolean;
  /** How help calls the value. */
  readonly value?: string;
  readonly meaning: string;
}

/** Every command has these. */
export const commonFlags: Readonly<Record<string, Flag>> = {
  json: { type: 'boolean', meaning: 'Write JSON, for programs' },
  data: { type: 'string', value: 'DIR', meaning: 'Directory of the development database (./data)' },
  help: { type: 'boolean', meaning: 'Show this help' },
};

/** One command line, read. */
export interface Call {
  readonly args: readonly string[];
  readonly json: boolean;
  readonly io: Io;
  readonly wiring: Wiring;
  has(flag: string): boolean;
  text(flag: string): string | undefined;
  texts(flag: string): string[];
}

export interface Command {
  readonly summary: string;
  readonly usage: string;
  /** How many words it takes beside flags. */
  readonly takes: { readonly min: number; readonly max: number };
  readonly flags: Readonly<Record<string, Flag>>;
  readonly examples: readonly string[];
  /** Gives the exit code. */
  run(call: Call): Promise<number>;
}

/** Writes the result: one JSON line for a program, the lines for a person. */
export function answer(call: Call, data: unknown, lines: readonly string[]): number {
  if (call.json) call.io.out(JSON.stringify(data));
  else for (const line of lines) call.io.out(line);
  return 0;
}

/** Opens the store beside a server that may be running, and closes it whatever happens. */
export async function withRooms<T>(call: Call, work: (rooms: Rooms) => Promise<T>): Promise<T> {
  const rooms = await call.wiring.open(await configFor(call, 'tool'));
  try {
    return await work(rooms);
  } finally {
    await rooms.close();
  }
}

/** Reads the environment when a command needs it: help and mistyped lines do not wait for it. */
export async function configFor(call: Call, mode: Mode, overrides: Overrides = {}): Promise<Config> {
  const { readConfig } = await import('../platform/config.ts');
  const data = call.text('data');
  return readConfig(call.io.env, mode, { ...overrides, ...(data !== undefined && { data }) });
}

/** A flag that must be there. */
export function needed(call: Call, flag: string, example: string): string {
  const value = call.text(flag);
  if (value !== undefined && value !== '') return value;
  throw new UsageError(`--${flag} is missing.`, `Give it, such as --${flag} ${example}`);
}

export function wholeNumber(call: Call, flag: string, max: number): number | undefined {
  const text = call.text(flag);
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text) && Number(text) <= max) return Number(text);
  throw new UsageError(`--${flag} cannot be ${text}.`, `Give a whole number from 0 to ${max}.`);
}

/** An instant as people and programs both read it. */
export function instantText(at: number): string {
  return new Date(at).toISOString();
}
