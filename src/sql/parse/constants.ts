/**
 * Asks questions about a constant of a parse tree, instead of reading its value. Texts whose literals have the same answers can then be judged alike
 * (`guard/cache`).
 */
import type { Body } from './tree.ts';

type Constant = Body<'A_Const'>;
type Integer = NonNullable<Constant['ival']>;
type Text = NonNullable<Constant['sval']>;
type Decimal = NonNullable<Constant['fval']>;

type Answer = string | number | boolean | undefined;
/**
 * INVARIANT 21: its answer depends only on the value, and on what is the same for all texts of a shape. It is kept with the judgement, together with
 * everything in its closure: so it is defined at the top of a module.
 */
export type ConstantQuestion<Value> = (value: Value) => Answer;

/** A question: is the number at most `most`? */
export function atMost(most: number): (value: number) => boolean {
  return (value) => value <= most;
}

/** @param most what a number may be, from 0. */
export function upTo(most: number): (value: number) => boolean {
  return (value) => value >= 0 && value <= most;
}

/** Answers each question about the constant, and records it. */
type Listener = (question: ConstantQuestion<never>) => Answer;

const listeners = new WeakMap<object, Listener>();

/** From here on the listener is asked for this constant. */
export function listen(constant: Integer | Text | Decimal, listener: Listener): void {
  listeners.set(constant, listener);
}

/** The question's answer for the constant's value, or the listener's, who records it. */
export function askInteger<A extends Answer>(constant: Integer, question: (value: number) => A): A {
  const listener = listeners.get(constant);
  return listener ? (listener(question) as A) : question(constant.ival ?? 0);
}

/** The same for a text. */
export function askText<A extends Answer>(constant: Text, question: (value: string) => A): A {
  const listener = listeners.get(constant);
  return listener ? (listener(question) as A) : question(constant.sval ?? '');
}

/** The same for a number that is not an int4; the value is its text. */
export function askDecimal<A extends Answer>(constant: Decimal, question: (value: string) => A): A {
  const listener = listeners.get(constant);
  return listener ? (listener(question) as A) : question(constant.fval ?? '');
}
