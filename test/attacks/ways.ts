/** The other ways in which a member's statement can be sent: COPY, cursors, prepared statements, portals in pieces, CTEs, subqueries, EXPLAIN. */
import { isParsed, parse } from '../../src/sql/parse/parse.ts';
import { as } from '../../src/sql/parse/tree.ts';
import { type Case, type Frame, type Step, stepsOf } from './cases.ts';

export interface Way {
  readonly name: string;
  /** The messages, in order; texts go by the simple protocol. Whatever they leave behind is undone by the last ones. */
  readonly steps: readonly Step[];
}

interface Statement {
  readonly text: string;
  readonly kind: 'read' | 'write that returns' | 'write';
}

/** In the long run texts go by both protocols, else by one of them, another one for each member. */
const LONG = process.env.ROWGATE_LONG === '1';

const ENDS: ReadonlySet<unknown> = new Set(['ROLLBACK', 'COMMIT']);

/** None where the member is no single statement that reads or writes rows, or is about the bytes of its text. */
export function waysOf(attack: Case, number: number): Way[] {
  const steps = [...stepsOf(attack)];
  while (ENDS.has(steps.at(-1))) steps.pop();
  const last = steps.at(-1);
  if (attack.bomb || typeof last !== 'string' || !steps.every((step) => typeof step === 'string')) return [];
  const statement = statementOf(last);
  if (!statement) return [];
  const before = steps.slice(0, -1);
  const behind = before.length > 0 ? ['ROLLBACK', 'DISCARD ALL'] : [];
  // A write is undone; what reads runs as it would.
  const [begin, end] = statement.kind === 'read' ? [[], []] : [['BEGIN'], ['ROLLBACK']];
  return around(statement, attack.values)
    .filter((way, i) => LONG || !way.protocol || (way.protocol === 'simple') === (number + i) % 4 < 2)
    .map(({ name, steps: own }) => ({ name, steps: [...before, ...begin, ...own, ...end, ...behind] }));
}

function statementOf(text: string): Statement | undefined {
  const parsed = parse(text);
  if (!isParsed(parsed) || parsed.statements.length !== 1) return undefined;
  const { node, start, end } = parsed.statements[0]!;
  const body = text.slice(start, end);
  const read = as(node, 'SelectStmt');
  if (read) return read.intoClause ? undefined : { text: body, kind: 'read' };
  const write = as(node, 'InsertStmt') ?? as(node, 'UpdateStmt') ?? as(node, 'DeleteStmt') ?? as(node, 'MergeStmt');
  return write && { text: body, kind: write.returningClause ? 'write that returns' : 'write' };
}

interface Variant extends Way {
  /** Of a text that goes by both. */
  readonly protocol?: 'simple' | 'extended';
}

/** A comment may end the text: what follows stands on a line of its own. */
function around({ text, kind }: Statement, values: Case['values']): Variant[] {
  const shown = kind === 'write' ? '1' : '*';
  const from = kind === 'write' ? '' : ' FROM x';
  const wrapped: (readonly [string, string])[] = [
    ['COPY', `COPY (${text}\n) TO STDOUT`],
    ['CTE', `WITH x AS (${text}\n) SELECT ${shown}${from}`],
    ['EXPLAIN', `EXPLAIN ${text}`],
  ];
  if (kind === 'read')
    wrapped.push(
      ['materialized CTE', `WITH x AS MATERIALIZED (${text}\n) SELECT * FROM x`],
      ['subquery', `SELECT * FROM (${text}\n) AS x`],
    );
  const ways = wrapped
    // COPY takes no parameters.
    .filter(([name]) => !values || name !== 'COPY')
    .flatMap(([name, sql]): Variant[] => {
      if (values) return [{ name, steps: [extended(sql, values)] }];
      return [
        { name, steps: [sql], protocol: 'simple' },
        { name: `${name}, extended`, steps: [extended(sql, values)], protocol: 'extended' },
      ];
    });
  ways.push(...named(text, values));
  if (kind === 'read') ways.push(...cursors(text, values));
  return ways;
}

function named(text: string, values: Case['values']): Way[] {
  const literals = values?.map((value) => (value === null ? 'NULL' : `'${value.replaceAll("'", "''")}'`));
  const portal: Step = [
    { parse: text, name: 's' },
    { describe: 'S', name: 's' },
    { bind: values ?? [], name: 's', portal: 'c' },
    { describe: 'P', name: 'c' },
    { execute: 'c', rows: 1 },
    { execute: 'c', rows: 1 },
    { execute: 'c' },
    { close: 'P', name: 'c' },
    { close: 'S', name: 's' },
    { sync: true },
  ];
  const execute = `EXECUTE p${literals ? `(${literals.join(', ')})` : ''}`;
  return [
    { name: 'PREPARE', steps: [`PREPARE p AS ${text}`, execute, execute, 'DEALLOCATE ALL'] },
    { name: 'portal in pieces', steps: [portal] },
  ];
}

function cursors(text: string, values: Case['values']): Way[] {
  const declare = (options: string): Step => {
    const sql = `DECLARE c ${options}CURSOR FOR ${text}`;
    return values ? extended(sql, values) : sql;
  };
  return [
    {
      name: 'cursor',
      steps: ['BEGIN', declare(''), 'FETCH 1 FROM c', 'FETCH ALL FROM c', 'MOVE ALL FROM c', 'CLOSE c', 'ROLLBACK'],
    },
    {
      name: 'scrolled cursor',
      steps: ['BEGIN', declare('SCROLL '), 'MOVE ALL FROM c', 'FETCH BACKWARD ALL FROM c', 'ROLLBACK'],
    },
  ];
}

function extended(sql: string, values: Case['values']): Frame[] {
  return [{ parse: sql }, { bind: values ?? [] }, { describe: 'P' }, { execute: '' }, { sync: true }];
}
