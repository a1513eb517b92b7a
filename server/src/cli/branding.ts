import { readFileSync } from 'node:fs';
import { answer, type Call, type Command, type Flag, UsageError, withRooms } from './command.ts';

/** How an app looks: flags of the commands that make and change one. */
export const brandFlags = {
  colour: { type: 'string', value: 'C', meaning: 'Colour of buttons and links, such as #0d5a49' },
  'colour-dark': { type: 'string', value: 'C', meaning: 'The same on dark pages' },
  logo: { type: 'string', value: 'FILE', meaning: 'PNG, SVG, WebP or JPEG; 32 kB, 1024 × 1024 at most' },
  'logo-dark': { type: 'string', value: 'FILE', meaning: 'The logo on dark pages' },
} as const satisfies Record<string, Flag>;

/** What these flags say. */
export function brandIn(call: Call) {
  return {
    colour: call.text('colour'),
    colourDark: call.text('colour-dark'),
    logo: fileIn(call, 'logo'),
    logoDark: fileIn(call, 'logo-dark'),
  };
}

function fileIn(call: Call, flag: string): Uint8Array | undefined {
  const path = call.text(flag);
  return path === undefined ? undefined : bytesOf(path);
}

function bytesOf(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch {
    throw new UsageError(`There is no file ${path} to read.`, 'Give the path of a picture.');
  }
}

const logo: Command = {
  summary: 'Show a logo on the pages and in the mails of every app that has none of its own',
  usage: 'postern branding logo FILE [--dark]',
  takes: { min: 1, max: 1 },
  flags: { dark: { type: 'boolean', meaning: 'For dark pages' } },
  examples: ['postern branding logo logo.svg', 'postern branding logo logo-white.svg --dark --json'],
  run: async (call) => {
    const file = bytesOf(call.args[0] ?? '');
    const name = call.has('dark') ? 'branding.logo_dark' : 'branding.logo';
    const id = await withRooms(call, ({ settings }) => settings.setLogo(name, file));
    return answer(call, { [name]: id }, [`${name} is ${id}.`]);
  },
};

export const brandingCommands = { 'branding logo': logo };
