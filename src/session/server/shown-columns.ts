/** The server's report of where a result's columns come from, as far as it tells which data subjects a row shows. */
import type { SubjectKeys } from '../../policy/model/subject-keys.ts';
import type { Field } from '../../protocol/row-description.ts';

export interface KeyColumn {
  /** From 0. */
  readonly at: number;
  readonly type: number;
  readonly subjects: readonly string[];
}

export interface ShownColumns {
  /** Columns that are keys of subjects. */
  readonly keys: readonly KeyColumn[];
  /** Columns that come from no table's column: they contain computed values. */
  readonly unplaced: readonly number[];
  /** By subject: tables with a key of it that show other columns, and not the key. */
  readonly keyless: ReadonlyMap<string, number>;
  /** OIDs of all columns' types, and of the tables from which they come; 0: none. */
  readonly types: readonly number[];
  readonly tables: readonly number[];
  /** 0 text, 1 binary; for a statement, whose formats are not known yet, all text. */
  readonly formats: readonly number[];
}

/** @param fields from the server's RowDescription. */
export function shownColumns(fields: readonly Field[], subjectKeys: SubjectKeys): ShownColumns {
  const keys: KeyColumn[] = [];
  const unplaced: number[] = [];
  const tables = new Set<number>();
  for (const [at, { table, attnum, type }] of fields.entries()) {
    if (table === 0) unplaced.push(at);
    const columns = subjectKeys.get(table);
    if (!columns) continue;
    tables.add(table);
    const subjects = columns.get(attnum);
    if (subjects) keys.push({ at, type, subjects });
  }
  const keyless = new Map<string, number>();
  for (const table of tables) {
    for (const subject of new Set([...subjectKeys.get(table)!.values()].flat())) {
      const shown = fields.some((field) => field.table === table && isKeyOf(subjectKeys, field, subject));
      if (!shown) keyless.set(subject, (keyless.get(subject) ?? 0) + 1);
    }
  }
  return {
    keys,
    unplaced,
    keyless,
    types: fields.map(({ type }) => type),
    tables: fields.map(({ table }) => table),
    formats: fields.map(({ format }) => format),
  };
}

function isKeyOf(subjectKeys: SubjectKeys, { table, attnum }: Field, subject: string): boolean {
  return subjectKeys.get(table)?.get(attnum)?.includes(subject) === true;
}

/** There are subjects: rows are looked at for them. */
export function isAboutSubjects(subjectKeys: SubjectKeys | undefined): subjectKeys is SubjectKeys {
  return subjectKeys !== undefined && subjectKeys.size > 0;
}
