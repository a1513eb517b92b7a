import { nearest } from '../core/nearest.ts';
import { Problem } from '../core/problems.ts';
import type { Settings } from '../settings/settings.ts';
import { answer, type Command, withRooms } from './command.ts';
import { table } from './table.ts';

const get: Command = {
  summary: 'Show what the owner has decided',
  usage: 'postern settings get [NAME]',
  takes: { min: 0, max: 1 },
  flags: {},
  examples: ['postern settings get', 'postern settings get passwordless.method --json'],
  run: async (call) => {
    const [name] = call.args;
    const values = new Map<string, unknown>(
      Object.entries(await withRooms(call, ({ settings }) => settings.current())),
    );
    if (name === undefined) {
      const rows = [...values].map(([each, value]) => [each, shown(value)]);
      return answer(call, Object.fromEntries(values), table(['NAME', 'VALUE'], rows, 'No settings.'));
    }
    if (!values.has(name)) throw unknownSetting(name, [...values.keys()]);
    return answer(call, { [name]: values.get(name) }, [shown(values.get(name))]);
  },
};

const set: Command = {
  summary: 'Decide one thing; running servers follow within a second',
  usage: 'postern settings set NAME VALUE',
  takes: { min: 2, max: 2 },
  flags: {},
  examples: [
    'postern settings set passwordless.method otp',
    'postern settings set passwordless.validity_seconds 300',
    'postern settings set sign_up.allowed_domains example.com,example.org',
  ],
  run: async (call) => {
    const [name = '', text = ''] = call.args;
    const value = await withRooms(call, ({ settings }) => setAsMeant(settings, name, text));
    return answer(call, { [name]: value }, [`${name} is ${shown(value)}.`]);
  },
};

export const settingsCommands = { 'settings get': get, 'settings set': set };

/** The readings of one word: JSON, the word itself, a list with commas; the first one that fits is meant. */
async function setAsMeant(settings: Settings, name: string, text: string): Promise<unknown> {
  const readings = [json(text), text, text.split(',').filter((item) => item !== '')];
  let refusal: unknown;
  for (const reading of readings) {
    try {
      await settings.set(name, reading);
      return reading;
    } catch (failure) {
      if (!(failure instanceof Problem) || failure.code !== 'setting_invalid') throw failure;
      refusal ??= failure;
    }
  }
  throw refusal;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function unknownSetting(name: string, names: string[]): Problem {
  const meant = nearest(name, names);
  const hint = meant === undefined ? '' : ` Did you mean ${meant}?`;
  return new Problem(
    'setting_unknown',
    `There is no setting ${name}.${hint} \`postern settings get\` lists all.`,
  );
}
