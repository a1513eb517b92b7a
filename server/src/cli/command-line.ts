import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { nearest } from '../core/nearest.ts';
import { type Call, type Command, commonFlags, UsageError } from './command.ts';
import { commands } from './commands.ts';
import { helpFor, helpForAll } from './help.ts';

/** A command line, understood: words to say, or a command to run. */
export type Understood =
  | { readonly kind: 'say'; readonly lines: readonly string[] }
  | { readonly kind: 'run'; readonly command: Command; readonly call: Omit<Call, 'io' | 'wiring'> };

/** Throws a UsageError. Needs none of the rooms, so help is there at once. */
export function understand(argv: readonly string[]): Understood {
  const words = argv[0] === 'help' ? [...argv.slice(1), '--help'] : [...argv];
  const flagsAt = words.findIndex((word) => word.startsWith('-'));
  const names = flagsAt < 0 ? words : words.slice(0, flagsAt);
  const wantsHelp = words.some((word) => word === '--help' || word === '-h');
  const called = [3, 2, 1]
    .map((count) => names.slice(0, count).join(' '))
    .find((name) => Object.hasOwn(commands, name));
  const command = called === undefined ? undefined : commands[called];
  if (called !== undefined && command !== undefined)
    return wantsHelp
      ? { kind: 'say', lines: helpFor(command) }
      : { kind: 'run', command, call: readFlags(command, words.slice(called.split(' ').length)) };
  return { kind: 'say', lines: withoutCommand(words, names, wantsHelp) };
}

function withoutCommand(words: string[], names: string[], wantsHelp: boolean): string[] {
  const [first] = names;
  if (words.length === 1 && /^(?:--version|-v)$/.test(words[0] ?? '')) return [`postern ${version()}`];
  const unknownFlag = words.find((word) => word.startsWith('-') && !/^(?:--help|-h)$/.test(word));
  if (first === undefined && unknownFlag !== undefined)
    throw new UsageError(
      `A command comes first, before ${unknownFlag}.`,
      'postern --help lists the commands.',
    );
  if (first === undefined) return helpForAll();
  const group = names.join(' ');
  const isGroup = Object.keys(commands).some((name) => name.startsWith(`${group} `));
  if (isGroup && wantsHelp) return helpForAll(group);
  if (isGroup)
    throw new UsageError(`postern ${group} needs one more word.`, `postern ${group} --help lists them.`);
  const isLong = Object.keys(commands).some((name) => name.startsWith(`${names.slice(0, 2).join(' ')} `));
  const typed = names.slice(0, isLong ? 3 : 2).join(' ');
  const meant = nearest(typed, Object.keys(commands)) ?? nearest(first, Object.keys(commands));
  const hint = meant === undefined ? '' : `Did you mean: postern ${meant}? `;
  throw new UsageError(`There is no command ${typed}.`, `${hint}postern --help lists the commands.`);
}

function readFlags(command: Command, words: string[]): Omit<Call, 'io' | 'wiring'> {
  const flags = { ...commonFlags, ...command.flags };
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { type, multiple }]) => [name, { type, multiple: multiple ?? false }]),
  );
  const { tokens } = parseArgs({ args: words, options, strict: false, tokens: true, allowPositionals: true });
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const flag = flags[token.name];
    if (flag === undefined) throw unknownFlag(token.rawName, Object.keys(flags), command);
    checkValue(flag.type, token, command);
  }
  const { values, positionals } = parseArgs({ args: words, options, strict: true, allowPositionals: true });
  const { min, max } = command.takes;
  if (positionals.length < min) throw new UsageError('Something is missing.', `Usage: ${command.usage}`);
  if (positionals.length > max)
    throw new UsageError(`${positionals[max]} is one word too many.`, `Usage: ${command.usage}`);
  return { args: positionals, json: values.json === true, ...readers(values) };
}

type Values = ReturnType<typeof parseArgs>['values'];

function readers(values: Values): Pick<Call, 'has' | 'text' | 'texts'> {
  const texts = (name: string) => [values[name]].flat().filter((value) => typeof value === 'string');
  return { has: (name) => values[name] === true, text: (name) => texts(name).at(-1), texts };
}

function unknownFlag(rawName: string, names: string[], command: Command): UsageError {
  const meant = nearest(rawName.replace(/^-+/, ''), names);
  const todo = meant === undefined ? `Usage: ${command.usage}` : `Did you mean --${meant}?`;
  return new UsageError(`There is no flag ${rawName}.`, todo);
}

function checkValue(
  type: 'string' | 'boolean',
  token: { rawName: string; value?: string | undefined; inlineValue?: boolean | undefined },
  command: Command,
): void {
  const todo = `Usage: ${command.usage}`;
  if (type === 'boolean' && token.value !== undefined)
    throw new UsageError(`${token.rawName} takes no value.`, todo);
  const isFlag = token.inlineValue === false && token.value?.startsWith('-') === true;
  if (type === 'string' && (token.value === undefined || isFlag))
    throw new UsageError(`${token.rawName} needs a value.`, todo);
}

function version(): string {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return String(manifest.version);
}
