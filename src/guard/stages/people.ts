/** Behind stage 4: whom a row of each statement’s result can be about, for what counts people as they leave. */
import { type Refusal, refusal } from '../../errors.ts';
import type { PeopleOfRow } from '../decision.ts';
import type { Draft, DraftStatement, Stage } from '../draft.ts';
import type { Holders } from '../people/holders.ts';
import { NOBODY, type RowPeople } from '../people/person.ts';
import { PeopleOfQuery } from '../people/rows.ts';

export const peopleStage: Stage = {
  name: 'people',
  run(draft: Draft): void {
    for (const statement of draft.statements) {
      // What is copied in the client has, and a plan holds nobody.
      if (!statement.analysis || statement.kind.kind === 'copy-in') continue;
      if (statement.kind.kind !== 'explain') find(draft, statement);
      else if (!statement.explains) statement.refusal = analyzesPeople(draft, statement);
    }
  },
};

function find(draft: Draft, statement: DraftStatement): void {
  const people: PeopleOfRow[] = [];
  let touched = false;
  for (const holders of draft.holders) {
    const { subject } = holders;
    if (!isTouched(statement, holders)) continue;
    touched = true;
    const row = rowOf(draft, statement, holders);
    if (row.gathers !== undefined && draft.role.limitedSubjects?.has(subject.name)) {
      statement.refusal = anyNumber(draft, row.gathers, subject.name);
      return;
    }
    const ways = row.people.map(({ keys }) => ({ keys }));
    if (ways.length + row.unnamed > 0) people.push({ subject: subject.name, ways, unnamed: row.unnamed });
  }
  if (touched) statement.people = people;
}

/** INVARIANT: rows that are counted at a node of a plan may be a value of anybody, by as many nodes as the client writes. */
function analyzesPeople({ holders, role }: Draft, statement: DraftStatement): Refusal | undefined {
  const counted = holders.find((one) => role.limitedSubjects?.has(one.subject.name) && isTouched(statement, one));
  if (!counted) return undefined;
  const message = `permission denied for EXPLAIN ANALYZE: its rows would tell of people of "${counted.subject.name}", who are counted`;
  return refusal('statement-not-allowed', '42501', message, {
    hint: 'EXPLAIN without ANALYZE runs nothing.',
    rule: role.rule,
  });
}

function anyNumber({ role }: Draft, what: string, subject: string): Refusal {
  const message = `permission denied for ${what}: it brings any number of people into one row, and they are counted`;
  return refusal('collects', '42501', message, {
    hint: `Group by the key of "${subject}", or read the rows.`,
    rule: role.rule,
  });
}

/** Most statements touch no relation of the subject. */
function isTouched({ analysis }: DraftStatement, holders: Holders): boolean {
  const { relations, calls } = analysis!.marks;
  for (const { entry } of relations) {
    if (entry.source.kind !== 'relation') continue;
    const { keys, inside } = holders.of(entry.source.view.relation);
    if (keys.size > 0 || inside > 0) return true;
  }
  for (const { fn } of calls.values()) if (holders.reads(fn)) return true;
  return false;
}

function rowOf(draft: Draft, { analysis, copied }: DraftStatement, holders: Holders): RowPeople {
  if (copied) return ofCopied(draft, copied, holders);
  const { level, marks } = analysis!;
  if (!level) return NOBODY;
  const query = new PeopleOfQuery(analysis!, draft.catalog, holders);
  const inside = marks.writes.filter((write) => write.level !== level).map((write) => query.moved(write));
  // How many rows a WITH writes nobody is told.
  const gathers = inside.some(({ unnamed }) => unnamed > 0) ? 'WITH that writes what it reads of people' : undefined;
  const write = marks.writes.find((candidate) => candidate.level === level);
  const row = write && level.outputs.length === 0 ? { ...NOBODY, ...query.moved(write) } : query.of(level);
  return { ...row, gathers: gathers ?? row.gathers };
}

/** COPY of a table: its columns are the ones that COPY names. */
function ofCopied(
  { role }: Draft,
  { relation, columns }: NonNullable<DraftStatement['copied']>,
  holders: Holders,
): RowPeople {
  const { keys, inside } = holders.of(relation);
  const granted = role.relations.get(relation.oid)?.select?.columns;
  const people = [...keys].map((name) => {
    const index = columns.findIndex((column) => column.name === name);
    return { keys: index < 0 || granted?.get(name)?.mask ? [] : [index], pinned: false };
  });
  return { ...NOBODY, people, unnamed: inside };
}
