import { type Command, commonFlags, type Flag } from './command.ts';
import { commands } from './commands.ts';
import { facts } from './table.ts';

/** All commands, or those that begin with a word, such as `client`. */
export function helpForAll(group?: string): string[] {
  const wanted = Object.entries(commands).filter(
    ([name]) => group === undefined || name.startsWith(`${group} `),
  );
  return [
    'Postern, passwordless sign-in that you host yourself.',
    '',
    `Usage: postern ${group ?? ''}${group === undefined ? '' : ' '}COMMAND [FLAGS]`,
    '',
    ...indented(facts(wanted.map(([name, { summary }]) => [name, summary]))),
    '',
    'postern COMMAND --help explains one of them; postern --version tells the release.',
  ];
}

export function helpFor(command: Command): string[] {
  return [
    command.summary,
    '',
    `Usage: ${command.usage}`,
    '',
    'Flags:',
    ...indented(facts(Object.entries({ ...command.flags, ...commonFlags }).map(flagLine))),
    '',
    'Examples:',
    ...indented(command.examples),
  ];
}

function flagLine([name, flag]: [string, Flag]): [string, string] {
  return [
    `--${name}${flag.value === undefined ? '' : ` ${flag.value}`}`,
    `${flag.meaning}${flag.multiple ? ' (may be repeated)' : ''}`,
  ];
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}
