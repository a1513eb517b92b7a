import type { Compilable, CompiledQuery } from 'kysely';
import { engineOf } from './database.ts';
import type { Queries } from './schema.ts';

/** Stands in a compiled query where a value of each run goes. */
class Placeholder {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

export interface Rows<O> {
  readonly rows: O[];
  /** Rows inserted, updated or deleted. */
  readonly changed: number;
}

type Values = { readonly [name: string]: string | number | null };

/**
 * A query that is compiled once per engine and then only given its values; building it anew costs more than
 * running it. `build` must use each value of `p` as a value and decide nothing by it. Hot paths only.
 */
export function prepared<P extends Values, O>(
  build: (q: Queries, p: P) => Compilable<O>,
): (q: Queries, values: P) => Promise<Rows<O>> {
  const compiled = new Map<string, CompiledQuery<O>>();
  return (q, values) => {
    const engine = engineOf(q);
    const query = compiled.get(engine) ?? build(q, placeholders()).compile();
    compiled.set(engine, query);
    return run(q, query, (name) => values[name] ?? null);
  };
}

/** The same for a query over a list of values, compiled once for each length. */
export function preparedFor<O>(
  build: (q: Queries, list: string[]) => Compilable<O>,
): (q: Queries, list: string[]) => Promise<Rows<O>> {
  const compiled = new Map<string, CompiledQuery<O>>();
  return (q, list) => {
    const key = `${engineOf(q)}:${list.length}`;
    const query =
      compiled.get(key) ??
      build(
        q,
        list.map((_value, index) => placeholder(String(index))),
      ).compile();
    compiled.set(key, query);
    return run(q, query, (name) => list[Number(name)] ?? null);
  };
}

async function run<O>(
  q: Queries,
  query: CompiledQuery<O>,
  given: (name: string) => string | number | null,
): Promise<Rows<O>> {
  const parameters = query.parameters.map((parameter) =>
    parameter instanceof Placeholder ? given(parameter.name) : parameter,
  );
  const result = await q.executeQuery<O>({ ...query, parameters });
  return { rows: result.rows, changed: Number(result.numAffectedRows ?? 0) };
}

/** To the builder a placeholder is a value like any other: it is only ever handed through to the parameters. */
function placeholder(name: string): string {
  return new Placeholder(name) as unknown as string;
}

function placeholders<P extends Values>(): P {
  return new Proxy<P>({} as P, { get: (_target, name) => placeholder(String(name)) });
}
