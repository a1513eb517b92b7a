import type { Instant } from '../core/ids.ts';
import { nearest } from '../core/nearest.ts';
import { Problem } from '../core/problems.ts';
import { recordEvent } from '../events/store.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/database.ts';
import type { Queries } from '../platform/database/schema.ts';
import {
  initialSettings,
  isSettingName,
  type SettingName,
  type SettingValues,
  settingDefinitions,
} from './definitions.ts';
import { renewLogo, storeLogo } from './logo-store.ts';
import { logoOf } from './logos.ts';
import { storedSettings, storeSetting } from './store.ts';

/** A process sees a change made by another one at the latest after this many milliseconds. */
const FRESH_FOR = 1000;

/** The owner's decisions. */
export interface Settings {
  current(): Promise<SettingValues>;
  /** What `current` last gave, for places that cannot wait; the defaults before the first call. */
  snapshot(): SettingValues;
  set(name: string, value: unknown): Promise<void>;
  /** Several at once: all of them, or none. */
  setAll(values: Readonly<Record<string, unknown>>): Promise<void>;
  /** Stores the picture in a file and makes it the deployment's logo; gives its id. */
  setLogo(name: LogoSetting, file: Uint8Array): Promise<string>;
}

export type LogoSetting = 'branding.logo' | 'branding.logo_dark';

export function createSettings(database: Database, clock: Clock): Settings {
  let known: { values: SettingValues; readAt: number } | undefined;
  let writes = 0;
  const read = async () => {
    const began = { at: clock.now(), writes }; // what is written while the read runs must not look known
    const values = merged(await database.read(storedSettings));
    if (began.writes === writes) known = { values, readAt: began.at };
    return values;
  };
  const write = async (
    settings: readonly Checked[],
    before: (q: Queries, setting: Checked, at: Instant) => Promise<void>,
  ) => {
    await database.write(async (q) => {
      for (const setting of settings) {
        await before(q, setting, clock.now());
        await storeSetting(q, setting, clock.now());
        await recordEvent(q, { type: 'setting.changed', data: { name: setting.name } }, clock.now());
      }
    });
    writes += 1;
    await read();
  };
  return {
    current: async () => {
      const age = known === undefined ? Number.POSITIVE_INFINITY : clock.now() - known.readAt;
      return known !== undefined && age >= 0 && age < FRESH_FOR ? known.values : read();
    },
    snapshot: () => known?.values ?? initialSettings(),
    set: async (name, value) => write([checked(name, value)], requireLogo),
    setAll: async (values) =>
      write(
        Object.entries(values).map(([name, value]) => checked(name, value)),
        requireLogo,
      ),
    setLogo: async (name, file) => {
      const logo = logoOf(file);
      await write([{ name, value: logo.id }], (q, _setting, at) => storeLogo(q, logo, at));
      return logo.id;
    },
  };
}

/** A setting names only a logo that is there. */
async function requireLogo(q: Queries, { name, value }: Checked, at: Instant): Promise<void> {
  if ((name !== 'branding.logo' && name !== 'branding.logo_dark') || value === '') return;
  if (await renewLogo(q, String(value), at)) return;
  const todo = 'no such logo is stored; `postern branding logo FILE` stores one';
  throw new Problem('setting_invalid', `${name} cannot be ${JSON.stringify(value)}: ${todo}.`);
}

interface Checked {
  readonly name: SettingName;
  readonly value: unknown;
}

/** Refuses an unknown name with the nearest known one, and a value that does not fit with what would. */
export function checked(name: string, value: unknown): Checked {
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
