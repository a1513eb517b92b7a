import { styleText } from 'node:util';
import pino from 'pino';
import type { LogLevel } from './config-values.ts';
import { redacted, redactedText } from './redact.ts';

/** Fields and an optional message, or a message alone. */
export type LogLine = (entry: string | Readonly<Record<string, unknown>> | Error, message?: string) => void;

export interface Log {
  readonly debug: LogLine;
  readonly info: LogLine;
  readonly warn: LogLine;
  readonly error: LogLine;
}

export interface LogOptions {
  /** For a person at a terminal instead of a machine. */
  readonly pretty?: boolean;
  /** Takes one whole entry with its line end; standard output by default. */
  readonly write?: (line: string) => void;
}

/**
 * A log with one line per entry, whatever the values hold, and without codes, links, tokens, secrets,
 * cookies and credentials.
 */
export function createLog(level: LogLevel, options: LogOptions = {}): Log {
  const write = options.write ?? ((line: string) => process.stdout.write(line));
  const render = options.pretty === true ? prettyLine : (line: string) => visible(line.trimEnd());
  const logger = pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => write(`${render(line)}\n`) },
  );
  const lineAt =
    (at: Exclude<LogLevel, 'silent'>): LogLine =>
    (entry, message) => {
      if (!logger.isLevelEnabled(at)) return;
      if (typeof entry === 'string') logger[at](redactedText(entry));
      else if (message === undefined) logger[at](safeFields(entry));
      else logger[at](safeFields(entry), redactedText(message));
    };
  return { debug: lineAt('debug'), info: lineAt('info'), warn: lineAt('warn'), error: lineAt('error') };
}

/** Names of our own frame would appear twice in a line. */
const FRAME = ['level', 'time', 'pid'];

function safeFields(entry: Readonly<Record<string, unknown>> | Error): Record<string, unknown> {
  const fields = redacted(entry instanceof Error ? { error: entry } : entry);
  const entries = Object.entries(typeof fields === 'object' && fields !== null ? fields : {});
  return Object.fromEntries(
    entries.map(([name, value]) => [FRAME.includes(name) ? `${name}_` : name, value]),
  );
}

/** Control characters, Unicode's line ends and direction marks as the escapes of JSON: a terminal obeys them. */
function visible(line: string): string {
  return line.replace(
    /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const COLOURS = { debug: 'gray', info: 'green', warn: 'yellow', error: 'red' } as const;

/** `12:03:44.125 INFO  the message  name=value`. */
function prettyLine(line: string): string {
  const { level, time, pid: _pid, msg, ...fields }: Record<string, unknown> = JSON.parse(line);
  const label = String(level).toUpperCase().padEnd(5);
  const colour = Object.entries(COLOURS).find(([name]) => name === level)?.[1] ?? 'white';
  const parts = Object.entries(fields).map(
    ([name, value]) =>
      `${name}=${typeof value === 'string' && !/[\s=]/.test(value) ? value : JSON.stringify(value)}`,
  );
  return [
    styleText('dim', String(time).slice(11, 23)),
    styleText(colour, label),
    ...(typeof msg === 'string' ? [visible(msg)] : []),
    ...(parts.length > 0 ? [styleText('dim', visible(parts.join(' ')))] : []),
  ].join(' ');
}
