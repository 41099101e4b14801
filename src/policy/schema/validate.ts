/** Validates a document against a schema; each mismatch becomes a flaw with its position and what was expected. */
import type { z } from 'zod';
import type { Flaw, Path, PolicyDocument } from '../source/document.ts';
import { suggestion } from '../source/suggestion.ts';
import { found } from './schema-values.ts';

type Validation<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly flaws: readonly Flaw[] };

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
};

/** Validates the part of the document at `base`; `value` is that part. */
export function validate<T extends z.ZodType>(
  document: PolicyDocument,
  schema: T,
  value: unknown,
  base: Path = [],
): Validation<z.output<T>> {
  const result = schema.safeParse(value, { error: describe });
  if (result.success) return { ok: true, value: result.data };
  return { ok: false, flaws: result.error.issues.flatMap((issue) => toFlaws(document, issue, base)) };
}

function toFlaws(document: PolicyDocument, issue: z.core.$ZodIssue, base: Path): Flaw[] {
  const path = [...base, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    const messages = issue.message.split('\n');
    return issue.keys.map((key, index) => {
      const at = [...path, key];
      return { path: at, place: document.place(at), message: messages[index] ?? `unknown key "${key}"` };
    });
  }
  if (issue.code === 'invalid_union') {
    const branch = meantBranch(issue.errors);
    if (branch) return branch.flatMap((inner) => toFlaws(document, inner, path));
    const first = issue.message === '' ? issue.errors[0]?.[0] : undefined;
    if (first) return toFlaws(document, first, path);
  }
  const place = issue.code === 'invalid_key' ? document.place(path) : document.placeOfValue(path);
  return [{ path, place, message: issue.message }];
}

/** The branch of a union that the author meant: the only one with a type that fits the value. */
function meantBranch(branches: readonly z.core.$ZodIssue[][]): z.core.$ZodIssue[] | undefined {
  const meant = branches.filter((issues) => !issues.some((issue) => issue.path.length === 0 && isTypeIssue(issue)));
  return meant.length === 1 ? meant[0] : undefined;
}

function isTypeIssue(issue: z.core.$ZodIssue): boolean {
  if (issue.code === 'invalid_union') return meantBranch(issue.errors) === undefined;
  return issue.code === 'invalid_type' || issue.code === 'invalid_value';
}

/** Rowgate's message for an issue without one in the schema. */
function describe(issue: z.core.$ZodRawIssue): string {
  const key = issue.path?.at(-1);
  if (issue.input === undefined && key !== undefined) return `"${String(key)}" is missing`;
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${TYPE_NAMES[issue.expected] ?? issue.expected}${found(issue.input)}`;
    case 'invalid_value': {
      const words = issue.values.map(String);
      const near = typeof issue.input === 'string' ? suggestion(issue.input, words) : '';
      return `expected ${listed(words)}${found(issue.input)}${near}`;
    }
    case 'too_small':
      return issue.origin === 'array' || issue.origin === 'string'
        ? 'expected something, found nothing'
        : `expected at least ${issue.minimum}${found(issue.input)}`;
    case 'too_big':
      return `expected at most ${issue.maximum}${issue.origin === 'string' ? ' characters' : ''}${found(issue.input)}`;
    case 'invalid_key':
      return issue.issues[0]?.message ?? 'this is not a name';
    case 'invalid_union':
      return ''; // the first branch says what was expected
    default:
      return `this value does not fit here (${issue.code})`;
  }
}

function listed(words: readonly string[]): string {
  const quoted = words.map((word) => `"${word}"`);
  return quoted.length < 2 ? quoted.join('') : `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`;
}
