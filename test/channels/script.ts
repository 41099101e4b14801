/** A script of statements, made from a seed or from choices, and the bytes that are sent for it. */
import { serialize } from 'pg-protocol';
import { Choices } from '../noninterference/choices.ts';
import { Expressions, type Use } from './expressions.ts';
import { FORMS } from './forms.ts';
import type { Routines } from './routines.ts';

export interface Script {
  readonly form: string;
  readonly use: Use;
  readonly texts: readonly string[];
  /** By the extended protocol, with values in binary. */
  readonly extended: boolean;
  /** The choices that made it; empty for a given script. */
  readonly choices: readonly number[];
}

const NAMES = Object.keys(FORMS);

/** `again`: choices that made a script, or fewer; otherwise the seed decides. */
export function script(routines: Routines, seed: number, again?: readonly number[]): Script {
  const choices = new Choices(seed, again);
  const form = choices.pick(NAMES);
  const expressions = new Expressions(choices, routines);
  const texts = FORMS[form]!(expressions);
  const extended = texts.length === 1 && !texts[0]!.includes(';') && choices.chance(20);
  return { form, use: expressions.use, texts, extended, choices: choices.made };
}

/** A script that must be undone, or cannot run beside another. */
const LEAVES =
  /\b(COPY \w+ \(.* FROM|INSERT|UPDATE|DELETE|MERGE|nextval|setval|set_config|CREATE|DECLARE|PREPARE|LISTEN|FOR (UPDATE|SHARE|KEY|NO)|lo_\w+|\w+_lock)\b/;

export const leaves = ({ texts }: Pick<Script, 'texts'>): boolean =>
  texts.some((text) => LEAVES.test(text) || isBeside(text));

/** In front of a text that a second session of the same user plays, beside the open transaction of the first. */
const BESIDE = 'beside: ';

export const isBeside = (text: string): boolean => text.startsWith(BESIDE);

/** Rows of people: what another statement then reads of them may have been paid as it was written. */
export const writes = ({ texts }: Pick<Script, 'texts'>): boolean =>
  texts.some((text) => /\b(INSERT INTO|UPDATE|DELETE FROM|MERGE INTO) (?!notes\b)/.test(text));

/** Messages, each answered by one ReadyForQuery. */
export function messagesOf({ texts, extended }: Script): Buffer[] {
  if (!extended)
    return texts.map((text) => {
      const [query = '', data] = text.replace(BESIDE, '').split('\n---\n');
      if (data === undefined) return serialize.query(query);
      return Buffer.concat([
        serialize.query(query),
        serialize.copyData(Buffer.from(`${data}\n`)),
        serialize.copyDone(),
      ]);
    });
  return texts.map((text) =>
    Buffer.concat([
      serialize.parse({ text, types: [], name: '' }),
      serialize.bind({ binary: true }),
      serialize.describe({ type: 'P' }),
      serialize.execute(),
      serialize.sync(),
    ]),
  );
}
