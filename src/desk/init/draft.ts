/** Drafts a policy for a database that has none: subjects, a role for each login, and the guard's configuration. */
import { stringify } from 'yaml';
import { compileCondition, compileMask } from '../../policy/compile/condition.ts';
import { loadPolicy } from '../../policy/compile/load.ts';
import { resolveColumnRef } from '../../policy/compile/names.ts';
import type { ColumnRef } from '../../policy/model/policy.ts';
import { PolicyDocument } from '../../policy/source/document.ts';
import { draftRole, type RoleDraft } from './draft-role.ts';
import type { ServerLogin } from './logins.ts';
import { columnText, type Naming, plainName } from './names.ts';
import { candidates, categoriesOf, keysOf } from './people.ts';

export interface DraftInput extends Naming {
  readonly logins: readonly ServerLogin[];
  /** `student=students.id` each; empty: the most referenced table of people is taken. */
  readonly subjects: readonly string[];
  readonly comments: ReadonlyMap<string, string>;
  readonly timeZone: string;
  /** Roles of logins that have one already, by login. */
  readonly roles: ReadonlyMap<string, string>;
}

export interface SubjectDraft {
  readonly name: string;
  readonly keys: readonly string[];
  readonly categories: Readonly<Record<string, readonly string[]>>;
}

export interface PolicyDraft {
  readonly subjects: readonly SubjectDraft[];
  /** By login, those without a role until now. */
  readonly roles: ReadonlyMap<string, RoleDraft>;
  /** Other tables that could be about people. */
  readonly candidates: readonly string[];
  /** What could not be carried over, by role. */
  readonly left: ReadonlyMap<string, readonly string[]>;
}

/** A wrong `--subject`. */
export class NoSubject extends Error {}

export function draftPolicy(input: DraftInput): PolicyDraft {
  const { catalog } = input;
  const found = candidates(catalog);
  const chosen = chosenSubjects(input, found);
  const subjects = chosen.map(({ name, first }): SubjectDraft => {
    const keys = keysOf(catalog, name, first);
    const categories = [...categoriesOf(keys, input.comments)].map(
      ([category, columns]) => [category, columns.map((column) => columnText(column, input))] as const,
    );
    return { name, keys: keys.map((key) => columnText(key, input)), categories: Object.fromEntries(categories) };
  });
  const taken = new Set(input.roles.values());
  const roles = new Map<string, RoleDraft>();
  const left = new Map<string, string[]>();
  for (const login of input.logins) {
    if (input.roles.has(login.name)) continue;
    const role = plainName(login.name, taken);
    taken.add(role);
    const drafted = draftRole(
      role,
      login,
      subjects.map(({ name }) => name),
      input,
    );
    roles.set(login.name, drafted.draft);
    left.set(role, [...drafted.left]);
  }
  const drafted = { subjects, roles, left };
  withoutErrors(drafted, input);
  const tables = new Set(chosen.map(({ first }) => first.relation));
  const others = found.filter(({ relation }) => !tables.has(relation)).map((other) => columnText(other, input));
  return { ...drafted, candidates: others };
}

function chosenSubjects(
  input: DraftInput,
  found: readonly ColumnRef[],
): { readonly name: string; readonly first: ColumnRef }[] {
  if (input.subjects.length === 0) {
    const [first] = found;
    if (!first) return [];
    return [{ name: plainName(first.relation.name.replace(/(?<=[^s])s$/, ''), new Set()), first }];
  }
  return input.subjects.map((text) => {
    const [, name, column] = /^([A-Za-z_][A-Za-z0-9_-]*)=(.+)$/.exec(text) ?? [];
    if (name === undefined || column === undefined)
      throw new NoSubject(`--subject ${text}: expected NAME=TABLE.COLUMN, as student=students.id`);
    const ref = resolveColumnRef(input.catalog, input.searchPath, column);
    if ('problem' in ref) throw new NoSubject(`--subject ${text}: ${ref.problem}`);
    return { name, first: ref.value };
  });
}

/** What check would refuse is left out and listed: one such entry would make the whole draft invalid. */
function withoutErrors(
  {
    subjects,
    roles,
    left,
  }: { subjects: readonly SubjectDraft[]; roles: Map<string, RoleDraft>; left: Map<string, string[]> },
  input: DraftInput,
): void {
  const env = { ...input, compileCondition, compileMask };
  for (let round = 0; round < 10; round++) {
    const files = [...roles.values()].map((draft) => ({ path: `roles/${draft.role}.yaml`, text: yamlOf(draft) }));
    const texts = [...files, { path: 'subjects.yaml', text: yamlOf(subjectsFile(subjects)) }];
    const errors = loadPolicy(texts, env).diagnostics.filter(({ severity }) => severity === 'error');
    if (errors.length === 0) return;
    let changed = false;
    for (const draft of roles.values()) {
      const path = `roles/${draft.role}.yaml`;
      const own = errors.filter(({ file }) => file === path);
      if (own.length === 0) continue;
      const document = new PolicyDocument({ path, text: yamlOf(draft) });
      const errorAt = (at: readonly PropertyKey[]): string | undefined => {
        const [from, to] = document.linesOf(at);
        return own.find(({ line }) => from <= line && line <= to)?.message;
      };
      for (const table of Object.keys(draft.tables ?? {})) {
        const message = errorAt(['tables', table]);
        if (message === undefined) continue;
        changed = true;
        delete draft.tables?.[table];
        left.get(draft.role)?.push(`table ${table} is withheld: ${message}`);
      }
      for (const sequence of Object.keys(draft.sequences ?? {})) {
        const message = errorAt(['sequences', sequence]);
        if (message === undefined) continue;
        changed = true;
        delete draft.sequences?.[sequence];
        left.get(draft.role)?.push(`sequence ${sequence} is not granted: ${message}`);
      }
      const { functions } = draft;
      if (!functions) continue;
      draft.functions = functions.filter((fn, index) => {
        const message = errorAt(['functions', index]);
        if (message !== undefined) left.get(draft.role)?.push(`function ${fn} is not granted: ${message}`);
        changed ||= message !== undefined;
        return message === undefined;
      });
    }
    if (!changed) return;
  }
}

export function subjectsFile(subjects: readonly SubjectDraft[]): unknown {
  return {
    subjects: Object.fromEntries(
      subjects.map(({ name, keys, categories }) => [
        name,
        { keys, ...(Object.keys(categories).length > 0 && { categories }) },
      ]),
    ),
  };
}

export function yamlOf(value: unknown): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}
