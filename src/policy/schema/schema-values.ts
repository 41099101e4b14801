/** Building blocks of the schemas: mappings with known keys, SQL, and texts in small languages. */
import { z } from 'zod';
import { FORMS, type QuantityReading, readDate, type TextForm } from '../source/quantity.ts';
import { suggestion } from '../source/suggestion.ts';

/** An object with exactly these keys. The message for an unknown key suggests the nearest known one. */
export function mapping<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys') return undefined;
      // One line for each key, in the order of `issue.keys`: `validate` splits them again.
      return issue.keys.map((key) => `unknown key "${key}"${suggestion(key, Object.keys(shape))}`).join('\n');
    },
  });
}

/** The name of a role, subject, attribute or category. */
export const name = z.string().regex(/^[A-Za-z_][A-Za-z0-9_-]*$/, {
  error: (issue) => `"${issue.input}" is not a name (letters, digits, _ and -)`,
});

/** An attribute's name: what `:name` in SQL can hold. */
export const attributeName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, {
  error: (issue) => `"${issue.input}" is not the name of an attribute (letters, digits and _)`,
});

/** The name of a table, column, function or other object, which is checked against the catalog. */
export const catalogName = z.string().min(1);

/** An SQL expression. YAML may read `true`, `0` or `null` as a value that is not text: the written text counts. */
export const sql = z
  .union([z.string(), z.number(), z.boolean(), z.null()], { error: 'expected an SQL expression' })
  .meta({ title: 'SQL' });

/** A text that `reader` parses. If the form allows digits, a bare number is taken as its digits. */
export function written<T>({ title, pattern }: TextForm, reader: (text: string) => QuantityReading<T>) {
  const expected = `expected ${expectation(reader)}`;
  const error = (issue: { readonly input?: unknown }): string => `${expected}${found(issue.input)}`;
  const text = z.string({ error }).meta({ pattern });
  const isNumber = ['0', '1'].some((digits) => 'value' in reader(digits));
  return z
    .union(isNumber ? [text, z.number()] : [text], { error })
    .meta({ title })
    .transform((text, context) => {
      const reading = reader(String(text));
      if ('value' in reading) return reading.value;
      context.addIssue({ code: 'custom', message: `${expected}${found(text)}` });
      return z.NEVER;
    });
}

/** One value or a list of at least one; the result is always a list. */
export function oneOrList<T extends z.ZodType>(item: T) {
  return z.union([item, z.array(item).min(1)]).transform((value): z.output<T>[] => {
    return Array.isArray(value) ? value : [value as z.output<T>];
  });
}

/** Acknowledges the warnings about its entry (`review/accepted.ts`). */
export const accept = mapping({
  until: written(FORMS.date, readDate).describe('The last day on which it is accepted.'),
  reason: z.string().min(1).describe('Why.'),
})
  .optional()
  .describe('Acknowledges warnings of `rowgate check` about what stands here.');

/** `, found "x"`, in a message. */
export function found(input: unknown): string {
  if (input === undefined) return '';
  if (input === null) return ', found nothing';
  if (Array.isArray(input)) return ', found a list';
  if (typeof input === 'object') return ', found a mapping';
  const text = String(input);
  return `, found "${text.length > 40 ? `${text.slice(0, 40)}…` : text}"`;
}

/** What a reader expects, in its own words; every reader refuses the empty text. */
function expectation(reader: (text: string) => QuantityReading<unknown>): string {
  const reading = reader('');
  return 'expected' in reading ? reading.expected : 'a text';
}
