import { Problem } from '../core/problems.ts';
import { redactedText } from '../platform/redact.ts';
import { UsageError } from './command.ts';

/** What went wrong and what to do about it, a line each, with the code that programs read. */
export interface Trouble {
  readonly exitCode: 1 | 2;
  readonly code: string;
  readonly what: string;
  readonly todo: string;
}

type Words = readonly [what: string, todo: string];

const NO_DATABASE: Words = [
  'The database does not answer.',
  'Start it, or correct the host and port in POSTERN_DATABASE.',
];
const NOT_LET_IN: Words = [
  'The database refuses the user or the password.',
  'Correct them in POSTERN_DATABASE; encode special characters, such as %40 for @.',
];
const NOT_MIGRATED: Words = ['The database has not been migrated.', 'Run: postern migrate'];
const NOT_WRITABLE: Words = [
  'A file or directory cannot be written.',
  'Give this user the right to, or choose another place with --data or POSTERN_DATABASE.',
];

/** Of the system, of PostgreSQL (by SQLSTATE) and of SQLite (by result code). */
const KNOWN: Readonly<Record<string, Words>> = {
  EADDRINUSE: [
    'The port is in use.',
    'Stop the program that uses it, or choose another: POSTERN_LISTEN=host:port, or --port N with dev.',
  ],
  EADDRNOTAVAIL: ['This machine does not have the address to listen on.', 'Correct POSTERN_LISTEN.'],
  'EACCES listen': [
    'This user may not listen on that port.',
    'Choose one above 1023 in POSTERN_LISTEN, behind a proxy that takes 443.',
  ],
  ECONNREFUSED: NO_DATABASE,
  ENOTFOUND: NO_DATABASE,
  EAI_AGAIN: NO_DATABASE,
  EHOSTUNREACH: NO_DATABASE,
  ENETUNREACH: NO_DATABASE,
  ETIMEDOUT: NO_DATABASE,
  ECONNRESET: NO_DATABASE,
  '57P03': NO_DATABASE,
  '28P01': NOT_LET_IN,
  '28000': NOT_LET_IN,
  '3D000': ['The database named in POSTERN_DATABASE does not exist.', 'Create it: createdb NAME'],
  '42501': [
    'The database user may not do this.',
    'Let it own the database, or grant it CREATE on its schema.',
  ],
  '53300': ['The database takes no more connections.', 'Raise its max_connections, or run fewer workers.'],
  '42P01': NOT_MIGRATED,
  ENOENT: NOT_WRITABLE,
  EACCES: NOT_WRITABLE,
  EPERM: NOT_WRITABLE,
  EROFS: NOT_WRITABLE,
  ENOTDIR: NOT_WRITABLE,
  ENOSPC: ['The disk is full.', 'Make room, then run it again: nothing that was confirmed is lost.'],
  'sqlite 5': ['Another process holds the database.', 'Wait for it, or stop it, then run this again.'],
  'sqlite 8': NOT_WRITABLE,
  'sqlite 11': ['The database file is damaged.', 'Restore it from a backup.'],
  'sqlite 13': ['The disk is full.', 'Make room, then run it again: nothing that was confirmed is lost.'],
  'sqlite 14': NOT_WRITABLE,
  'sqlite 26': ['The file in POSTERN_DATABASE is no database.', 'Correct the path.'],
};

/** Finds the words for a failure; one that nobody foresaw is shown whole, without secrets. */
export function troubleOf(failure: unknown): Trouble {
  if (failure instanceof UsageError)
    return { exitCode: 2, code: 'usage', what: failure.message, todo: failure.todo };
  if (failure instanceof Problem && failure.code === 'unavailable' && failure.cause !== undefined)
    return troubleOf(failure.cause);
  if (failure instanceof Problem)
    return { exitCode: 1, code: failure.code, what: `${failure.title}.`, todo: failure.detail };
  const code = codeOf(failure);
  const words = KNOWN[code] ?? KNOWN[code.split(' ')[0] ?? ''] ?? byMessage(failure);
  if (words === undefined) return unforeseen(failure);
  const message = failure instanceof Error && failure.message !== '' ? ` (${failure.message})` : '';
  return { exitCode: 1, code, what: redactedText(`${words[0]}${message}`), todo: words[1] };
}

function codeOf(failure: unknown): string {
  if (!(failure instanceof Error) || !('code' in failure)) return '';
  if (failure.code === 'ERR_SQLITE_ERROR' && 'errcode' in failure)
    return `sqlite ${Number(failure.errcode) % 256}`;
  const call = 'syscall' in failure ? ` ${String(failure.syscall)}` : '';
  return `${String(failure.code)}${call}`;
}

function byMessage(failure: unknown): Words | undefined {
  const message = failure instanceof Error ? failure.message : '';
  if (/no such table/.test(message)) return NOT_MIGRATED;
  return /timeout exceeded when trying to connect|connection terminated/i.test(message)
    ? NO_DATABASE
    : undefined;
}

function unforeseen(failure: unknown): Trouble {
  const stack = failure instanceof Error ? (failure.stack ?? failure.message) : String(failure);
  return {
    exitCode: 1,
    code: 'internal_error',
    what: 'This is a fault in Postern.',
    todo: `Please report it with these lines:\n${redactedText(stack)}`,
  };
}
