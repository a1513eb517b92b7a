import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { Problem } from '../../src/core/problems.ts';
import { systemClock } from '../../src/platform/clock.ts';
import type { Database } from '../../src/platform/database/database.ts';
import { migrate, plan } from '../../src/platform/database/migrate.ts';
import { migrations } from '../../src/platform/database/migrations.ts';
import { openDatabase } from '../../src/platform/database/open.ts';
import type { Queries } from '../../src/platform/database/schema.ts';
import { eachDatabase } from '../support/databases.ts';

/** One line for every fact of the schema, in words that both engines share. */
async function factsOf(database: Database): Promise<string[]> {
  return database.read(async (q) => {
    const tables = await q.introspection.getTables();
    const columns = tables.flatMap((table) =>
      table.columns.map(
        (column) =>
          `${table.name}.${column.name} ${column.dataType.toLowerCase().replace('int8', 'bigint')}${column.isNullable ? '' : ' not null'}${column.hasDefaultValue ? ' default' : ''}`,
      ),
    );
    const others = database.engine === 'sqlite' ? await sqliteFacts(q) : await postgresFacts(q);
    return [...columns, ...others].toSorted();
  });
}

async function sqliteFacts(q: Queries): Promise<string[]> {
  const { rows: indices } = await sql<{ fact: string }>`
    select t.name || ' ' || case when i."unique" then 'unique' else 'index' end || ' ('
      || (select group_concat(c.name, ', ' order by c.seqno) from pragma_index_info(i.name) c) || ')'
      || coalesce((select ' ' || lower(substr(sql, instr(lower(sql), ' where ') + 1)) from sqlite_master
                   where type = 'index' and name = i.name and i.partial), '') as fact
    from sqlite_master t, pragma_index_list(t.name) i where t.type = 'table'`.execute(q);
  const { rows: references } = await sql<{ fact: string }>`
    select t.name || '.' || f."from" || ' -> ' || f."table" || '.' || f."to" || ' ' || lower(f.on_delete) as fact
    from sqlite_master t, pragma_foreign_key_list(t.name) f where t.type = 'table'`.execute(q);
  return [...indices, ...references].map(({ fact }) => plain(fact));
}

async function postgresFacts(q: Queries): Promise<string[]> {
  const { rows: indices } = await sql<{ fact: string }>`
    select t.relname || ' ' || case when i.indisunique then 'unique' else 'index' end || ' ('
      || (select string_agg(a.attname, ', ' order by k.at) from unnest(i.indkey) with ordinality k(num, at)
          join pg_attribute a on a.attrelid = t.oid and a.attnum = k.num) || ')'
      || coalesce(' where ' || pg_get_expr(i.indpred, t.oid), '') as fact
    from pg_index i join pg_class t on t.oid = i.indrelid
    join pg_namespace n on n.oid = t.relnamespace where n.nspname = 'public'`.execute(q);
  const { rows: references } = await sql<{ fact: string }>`
    select c.conrelid::regclass || '.' || a.attname || ' -> ' || c.confrelid::regclass || '.' || b.attname || ' '
      || case c.confdeltype when 'c' then 'cascade' else c.confdeltype::text end as fact
    from pg_constraint c
    join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
    join pg_attribute b on b.attrelid = c.confrelid and b.attnum = c.confkey[1]
    where c.contype = 'f'`.execute(q);
  return [...indices, ...references].map(({ fact }) => plain(fact));
}

/** PostgreSQL prints a condition with casts and brackets, SQLite as it was written. */
function plain(fact: string): string {
  const [head = '', condition] = fact.split(' where ');
  return condition === undefined
    ? head
    : `${head} where ${condition.replaceAll(/::text|[()"]/g, '').toLowerCase()}`;
}

const facts = new Map<string, string[]>();

eachDatabase('the schema', (given) => {
  it('is made from nothing, once', async () => {
    const database = openDatabase(await given.createEmpty());
    const names = Object.keys(migrations);
    assert.deepEqual(await plan(database), names);
    assert.deepEqual(await migrate(database, systemClock), names);
    assert.deepEqual(await plan(database), []);
    assert.deepEqual(await migrate(database, systemClock), []);
    facts.set(given.engine, await factsOf(database));
    await database.close();
  });

  it('is made once by many that begin at the same moment', async () => {
    const url = await given.createEmpty();
    const many = Array.from({ length: 5 }, () => openDatabase(url));
    const applied = await Promise.all(many.map((database) => migrate(database, systemClock)));
    assert.deepEqual(applied.flat(), Object.keys(migrations));
    await Promise.all(many.map((database) => database.close()));
  });

  it('is made whole or not at all', async () => {
    const database = openDatabase(await given.createEmpty());
    const failing = { now: () => assert.fail('the clock has stopped') };
    await assert.rejects(migrate(database, failing), /the clock has stopped/);
    const tables = await database.read((q) => q.introspection.getTables());
    assert.deepEqual(tables, []);
    await migrate(database, systemClock);
    await database.close();
  });

  it('of a newer release is left alone, with a word on what to do', async () => {
    const database = await given.open();
    await database.write((q) => sql`insert into migrations values ('9999-from-the-future', 0)`.execute(q));
    const before = await factsOf(database);
    const isRefusal = (thrown: unknown) => {
      assert.ok(thrown instanceof Problem);
      assert.equal(thrown.code, 'schema_newer');
      assert.match(thrown.detail, /9999-from-the-future.*newer release/s);
      return true;
    };
    await assert.rejects(migrate(database, systemClock), isRefusal);
    await assert.rejects(plan(database), isRefusal);
    assert.deepEqual(await factsOf(database), before);
  });

  it('deletes what belongs to a deleted row with it', async () => {
    const url = await given.createEmpty();
    const database = openDatabase(url);
    await migrate(database, systemClock);
    await database.write(async (q) => {
      await sql`insert into clients (id, name, public, redirect_uris, post_logout_redirect_uris, require_pkce, id_token_alg,
        created_at, updated_at) values ('skc_1', '', 0, '[]', '[]', 0, '', 0, 0)`.execute(q);
      const secret = {
        id: 'sec_1',
        client_id: 'skc_1',
        hash: '',
        suffix: '',
        created_at: 0,
        expires_at: null,
      };
      await q.insertInto('client_secrets').values(secret).execute();
    });
    await database.write((q) => q.deleteFrom('clients').execute());
    assert.deepEqual(await database.read((q) => q.selectFrom('client_secrets').selectAll().execute()), []);
    await database.close();
  });
});

describe('the schemas of both engines', () => {
  it('are the same: tables, columns, types, nullability, indices, references', () => {
    const { sqlite = [], postgres = [] } = Object.fromEntries(facts);
    assert.ok(sqlite.length > 80, `${sqlite.length} facts`);
    assert.deepEqual(postgres, sqlite);
  });

  it('know no row without a key, and no value that only one engine would fill in', () => {
    const all = facts.get('sqlite') ?? [];
    assert.deepEqual(
      all.filter((fact) => fact.endsWith(' default')),
      [],
    );
    for (const key of ['users.id', 'attempts.id', 'settings.name', 'oidc_records.id_hash', 'migrations.name'])
      assert.ok(all.includes(`${key} text not null`), key);
  });

  it('are the one that the types of the queries speak of', () => {
    const text = readFileSync(new URL('../../src/platform/database/schema.ts', import.meta.url), 'utf8');
    const tables = [...text.matchAll(/^ {2}(\w+): \{(.*?)\};$/gms)];
    const written = tables.flatMap(([, table, body = '']) =>
      [...body.matchAll(/(\w+): (string|number)( \| null)?;?/g)].map(([, column, type, isNullable]) => {
        return `${table}.${column} ${type === 'string' ? 'text' : 'bigint'}${isNullable ? '' : ' not null'}`;
      }),
    );
    const columns = facts.get('sqlite')?.filter((fact) => /^(?!migrations)\w+\.\w+ (text|bigint)/.test(fact));
    assert.deepEqual(columns, written.toSorted());
  });
});
