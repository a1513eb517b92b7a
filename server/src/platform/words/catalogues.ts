import { readdirSync, readFileSync } from 'node:fs';
import english from '../../../languages/en.json' with { type: 'json' };

/** English is complete; every other language is measured by it. */
export type Catalogue = typeof english;
export { english };

const FOLDER = new URL('.', new URL('../../../languages/en.json', import.meta.url));

/** Every language in `server/languages`, by its tag; a test demands the same keys and names in all of them. */
export const catalogues: ReadonlyMap<string, Catalogue> = new Map(
  readdirSync(FOLDER)
    .filter((file) => file.endsWith('.json'))
    .toSorted()
    .map((file) => [file.slice(0, -'.json'.length), { ...english, ...read(file) }]),
);

function read(file: string): Partial<Catalogue> {
  return JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8'));
}
