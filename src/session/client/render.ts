/** Fills the slots of a judged text: with typed literals in a text that is sent alone, with added parameters if a Bind follows. */
import type { Judgement } from '../../guard/decision.ts';
import type { Slot, Template } from '../../sql/text/template.ts';
import type { EndUser } from '../end-user/end-user.ts';

/** A value that goes with a text: what an attribute is for this principal, how many rows the server may give. */
export interface SlotValues {
  readonly attributes: ReadonlyMap<string, string>;
  readonly limit: bigint;
  /** The end user whose token gave some of them. */
  readonly person?: EndUser | undefined;
}

/** It is never read: a text as long as `BindAddition` needs it. It is the last one. */
const PADDING = { kind: 'padding' } as const;

/** A parameter after the client's own. */
export interface AddedParameter {
  readonly slot: Exclude<Slot, { kind: 'row' }> | typeof PADDING;
  readonly typeOid: number;
}

/** A judged text as it is sent. */
export interface Rendered {
  /** What the client wrote. */
  readonly text: string;
  readonly sent: string;
  /** In the order of their numbers, after the client's own. */
  readonly added: readonly AddedParameter[];
  readonly judgement: Judgement;
  /** Characters (code points) of the client's message before `text`; absent for 0. */
  readonly leads?: number;
  /** The value that fills the row limit; absent if it is a parameter, or if there is none. */
  readonly limit?: bigint;
  /** Of EXECUTE and EXPLAIN EXECUTE: parameters of what is named, whose values are in the text itself. */
  readonly fills?: readonly AddedParameter[];
  /** The end user whose attributes are in the text itself. */
  readonly filledFor?: EndUser | undefined;
  /** How a slot was written: for positions. */
  readonly slotText: (slot: Slot) => string;
}

const INT8 = 20;
const TEXT = 25;

/** For the simple protocol, and for utility statements, which take no parameters. */
export function renderLiterals(text: string, judgement: Judgement, values: SlotValues): Rendered {
  const slotText = (slot: Slot): string => literal(slot, values);
  return { text, sent: fill(judgement.template, slotText), added: [], judgement, limit: values.limit, slotText };
}

/**
 * For Parse: each attribute and the limit become one parameter, numbered from `client` + 1, however often they occur. One more if Bind has to change
 * the formats of the result's columns.
 */
export function renderParameters(text: string, judgement: Judgement, client: number): Rendered {
  const added: AddedParameter[] = [];
  const numbers = new Map<string, number>();
  const slotText = (slot: Slot): string => {
    if (slot.kind === 'row') throw unfilled();
    const key = slot.kind === 'limit' ? 'limit' : `attribute ${slot.name}`;
    let number = numbers.get(key);
    if (number === undefined) {
      added.push({ slot, typeOid: slot.kind === 'limit' ? INT8 : slot.typeOid });
      number = client + added.length;
      numbers.set(key, number);
    }
    return `$${number}`;
  };
  const sent = fill(judgement.template, slotText);
  if (isPadded(judgement)) added.push({ slot: PADDING, typeOid: TEXT });
  return { text, sent, added, judgement, slotText };
}

function isPadded({ statements }: Judgement): boolean {
  return statements.some(({ check }) => check?.added !== undefined);
}

/** The value of an added parameter, in text format. */
export function parameterValue({ slot }: AddedParameter, values: SlotValues): string {
  switch (slot.kind) {
    case 'limit':
      return String(values.limit);
    case 'attribute':
      return attribute(slot.name, values);
    case 'padding':
      return '';
  }
}

/** Do two texts ask the server for the same? */
export function sameText(a: Rendered, b: Rendered): boolean {
  return a.sent === b.sent && sameParameters(a.added, b.added);
}

/** Are they the same, in the same order? */
export function sameParameters(a: readonly AddedParameter[], b: readonly AddedParameter[]): boolean {
  return a.length === b.length && a.every((parameter, i) => sameParameter(parameter, b[i]!));
}

function sameParameter(a: AddedParameter, b: AddedParameter): boolean {
  return a.typeOid === b.typeOid && a.slot.kind === b.slot.kind && nameOf(a) === nameOf(b);
}

function nameOf({ slot }: AddedParameter): string | undefined {
  return slot.kind === 'attribute' ? slot.name : undefined;
}

function fill(template: Template, slotText: (slot: Slot) => string): string {
  return template.map((piece) => (typeof piece === 'string' ? piece : slotText(piece))).join('');
}

function literal(slot: Slot, values: SlotValues): string {
  switch (slot.kind) {
    case 'attribute':
      // standard_conforming_strings is pinned on, so a quote is all that can end the literal.
      return `'${attribute(slot.name, values).replaceAll("'", "''")}'::${slot.type}`;
    case 'limit':
      return String(values.limit);
    case 'row':
      throw unfilled();
  }
}

function attribute(name: string, values: SlotValues): string {
  const value = values.attributes.get(name);
  if (value === undefined) throw new Error(`principal has no attribute "${name}"`);
  if (value.includes('\0')) throw new Error(`attribute "${name}" holds a zero byte`);
  return value;
}

function unfilled(): Error {
  return new Error('a row slot was left in a text that is to be sent');
}
