import { nearest } from '../core/nearest.ts';
import { Problem } from '../core/problems.ts';
import { recordEvent } from '../events/store.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/database.ts';
import {
  initialSettings,
  isSettingName,
  type SettingName,
  type SettingValues,
  settingDefinitions,
} from './definitions.ts';
import { storedSettings, storeSetting } from './store.ts';

/** A process sees a change made by another one at the latest after this many milliseconds. */
const FRESH_FOR = 1000;

/** The owner's decisions. */
export interface Settings {
  current(): Promise<SettingValues>;
  /** What `current` last gave, for places that cannot wait; the defaults before the first call. */
  snapshot(): SettingValues;
  set(name: string, value: unknown): Promise<void>;
}

export function createSettings(database: Database, clock: Clock): Settings {
  let known: { values: SettingValues; readAt: number } | undefined;
  let writes = 0;
  const read = async () => {
    const began = { at: clock.now(), writes }; // what is written while the read runs must not look known
    const values = merged(await database.read(storedSettings));
    if (began.writes === writes) known = { values, readAt: began.at };
    return values;
  };
  return {
    current: async () => {
      const age = known === undefined ? Number.POSITIVE_INFINITY : clock.now() - known.readAt;
      return known !== undefined && age >= 0 && age < FRESH_FOR ? known.values : read();
    },
    snapshot: () => known?.values ?? initialSettings(),
    set: async (name, value) => {
      const valid = checked(name, value);
      await database.write(async (q) => {
        await storeSetting(q, valid, clock.now());
        await recordEvent(q, { type: 'setting.changed', data: { name: valid.name } }, clock.now());
      });
      writes += 1;
      await read();
    },
  };
}

/** Refuses an unknown name with the nearest known one, and a value that does not fit with what would. */
export function checked(name: string, value: unknown): { name: SettingName; value: unknown } {
  if (!isSettingName(name)) {
    const names = Object.keys(settingDefinitions);
    const meant = names.find((known) => known.endsWith(`.${name}`)) ?? nearest(name, names);
    const hint = meant === undefined ? '' : ` Did you mean ${meant}?`;
    throw new Problem(
      'setting_unknown',
      `There is no setting ${name}.${hint} \`postern settings get\` lists all.`,
    );
  }
  const result = settingDefinitions[name].shape.safeParse(value);
  if (result.success) return { name, value: result.data };
  const why = result.error.issues.map((issue) => issue.message).join('; ');
  throw new Problem('setting_invalid', `${name} cannot be ${JSON.stringify(value)}: ${why}.`);
}

/** A stored value that this release does not know, or knows in another shape, falls back to the default. */
function merged(stored: Map<string, unknown>): SettingValues {
  const usable = [...stored].filter(
    ([name, value]) => isSettingName(name) && settingDefinitions[name].shape.safeParse(value).success,
  );
  return { ...initialSettings(), ...Object.fromEntries(usable) };
}
