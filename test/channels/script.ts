/** A script of statements, made from a seed or from choices, and the bytes that are sent for it. */
import { serialize } from 'pg-protocol';
import { Choices } from '../noninterference/choices.ts';
import { Expressions, type Use } from './expressions.ts';
import { FORMS } from './forms.ts';
import type { Routines } from './routines.ts';

/**
 * How the texts are sent: each in a message of its own; all in one message; by the extended protocol with values in binary; with parameters in place of
 * numbers; a row at a time; all before one Sync, so that an error leaves out the rest; or again after they were undone.
 */
export type Course = 'single' | 'one message' | 'extended' | 'parameters' | 'pieces' | 'pipeline' | 'undone';

export interface Script {
  readonly form: string;
  readonly use: Use;
  readonly texts: readonly string[];
  readonly course: Course;
  /** The choices that made it; empty for a given script. */
  readonly choices: readonly number[];
}

const NAMES = Object.keys(FORMS);

/** The form that a seed chooses. */
export const formOf = (seed: number): string => new Choices(seed).pick(NAMES);

/** `again`: choices that made a script, or fewer; otherwise the seed decides. */
export function script(routines: Routines, seed: number, again?: readonly number[]): Script {
  const choices = new Choices(seed, again);
  const form = choices.pick(NAMES);
  const expressions = new Expressions(choices, routines);
  const texts = FORMS[form]!(expressions);
  const course = choices.chance(35) ? choices.pick(coursesOf(texts)) : 'single';
  return {
    form,
    use: expressions.use,
    texts: course === 'undone' ? twice(texts) : texts,
    course,
    choices: choices.made,
  };
}

function coursesOf(texts: readonly string[]): readonly Course[] {
  const isAlone = texts.some((text) => text.includes(DATA));
  const isBoth = texts.some(isBeside);
  const isMany = texts.some((text) => text.includes(';'));
  return [
    'single',
    ...(isAlone || isBoth ? [] : (['one message', 'undone'] as const)),
    ...(isAlone || isMany ? [] : (['extended', 'parameters', 'pieces'] as const)),
    ...(isAlone || isMany || isBoth ? [] : (['pipeline'] as const)),
  ];
}

/** An error of the first time does not hide what comes after. */
const twice = (texts: readonly string[]): readonly string[] => [
  'SAVEPOINT undone',
  ...texts,
  'ROLLBACK TO undone',
  ...texts.slice(-2),
];

/** A script that must be undone, or cannot run beside another. */
const LEAVES =
  /\b(COPY \w+ \(.* FROM|INSERT|UPDATE|DELETE|MERGE|nextval|setval|set_config|CREATE|DECLARE|PREPARE|LISTEN|SAVEPOINT|FOR (UPDATE|SHARE|KEY|NO)|lo_\w+|\w+_lock)\b/;

export const leaves = ({ texts }: Pick<Script, 'texts'>): boolean =>
  texts.some((text) => LEAVES.test(text) || isBeside(text));

/** In front of a text that a second session of the same user plays, beside the open transaction of the first. */
const BESIDE = 'beside: ';

export const isBeside = (text: string): boolean => text.startsWith(BESIDE);

/** Rows of people: what another statement then reads of them may have been paid as it was written. */
export const writes = ({ texts }: Pick<Script, 'texts'>): boolean =>
  texts.some((text) => /\b(INSERT INTO|UPDATE|DELETE FROM|MERGE INTO) (?!notes\b)/.test(text));

/** Rows that COPY is given, behind its statement. */
const DATA = '\n---\n';

/** Messages, each answered by one ReadyForQuery. */
export function messagesOf({ texts, course }: Pick<Script, 'texts' | 'course'>): Buffer[] {
  const plain = texts.map((text) => text.replace(BESIDE, ''));
  switch (course) {
    case 'single':
    case 'undone':
      return plain.map(queryOf);
    case 'one message':
      return [serialize.query(plain.join('; '))];
    case 'pipeline':
      return [Buffer.concat([...plain.map((text) => executed(text)), serialize.sync()])];
    case 'extended':
      return plain.map((text) => Buffer.concat([executed(text), serialize.sync()]));
    case 'pieces':
      return plain.map((text) => Buffer.concat([executed(text, [], [1, 2, 0]), serialize.sync()]));
    case 'parameters':
      return plain.map((text) => {
        const values: string[] = [];
        const asked = text.replace(/(?<=[=<>,(] )\d+\b|(?<=\()\d+(?=[,)])/g, (number) => `$${values.push(number)}`);
        return Buffer.concat([executed(asked, values), serialize.sync()]);
      });
  }
}

function queryOf(text: string): Buffer {
  const [query = '', data] = text.split(DATA);
  if (data === undefined) return serialize.query(query);
  return Buffer.concat([serialize.query(query), serialize.copyData(Buffer.from(`${data}\n`)), serialize.copyDone()]);
}

/** `rows`: the most that each Execute may give; 0: all that are left. */
function executed(text: string, values: readonly string[] = [], rows: readonly number[] = [0]): Buffer {
  return Buffer.concat([
    serialize.parse({ text, types: [], name: '' }),
    serialize.bind({ binary: true, values: [...values] }),
    serialize.describe({ type: 'P' }),
    ...rows.map((most) => serialize.execute({ rows: most })),
  ]);
}
