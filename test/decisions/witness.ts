/** Reads the tables of a statement with another parser: it may know less than PostgreSQL's grammar, and must not know more. */
import { astVisitor, parse } from 'pgsql-ast-parser';

/** `schema.table`, or `.table` where no schema is written, of each table that `pgsql-ast-parser` finds; undefined where it cannot parse. */
export function tablesSeen(sql: string): ReadonlySet<string> | undefined {
  let statements: ReturnType<typeof parse>;
  try {
    statements = parse(sql);
  } catch {
    return undefined;
  }
  const tables = new Set<string>();
  const ctes = new Set<string>();
  const visitor = astVisitor((map) => ({
    with: (w) => {
      for (const { alias } of w.bind) ctes.add(alias.name);
      map.super().with(w);
    },
    withRecursive: (w) => {
      ctes.add(w.alias.name);
      map.super().withRecursive(w);
    },
    tableRef: (t) => {
      tables.add(`${t.schema ?? ''}.${t.name}`);
    },
  }));
  for (const statement of statements) visitor.statement(statement);
  // A CTE's name without a schema may mean the CTE: what it reads is found by itself.
  return new Set([...tables].filter((t) => !t.startsWith('.') || !ctes.has(t.slice(1))));
}
