/**
 * Grows a role until the guard itself lets statements through: each round compiles it, judges them, and adds what was refused. What no grant allows
 * is reported.
 */
import { stringify } from 'yaml';
import type { Judgement } from '../../guard/decision.ts';
import { Guard } from '../../guard/guard.ts';
import { compileCondition, compileMask } from '../../policy/compile/condition.ts';
import { type LoadedPolicy, loadPolicy } from '../../policy/compile/load.ts';
import type { RolePolicy } from '../../policy/model/policy.ts';
import { SEQUENCE_RIGHTS } from '../../policy/schema/role-schema.ts';
import type { Diagnostic } from '../../policy/source/diagnostic.ts';
import { PolicyDocument, type PolicyFile } from '../../policy/source/document.ts';
import type { Naming } from '../init/names.ts';
import { starColumns } from './conditions.ts';
import type { GrownRole } from './grown-role.ts';
import { isOurs, keyOf, type Need, needsOf } from './needs.ts';
import type { SeenStatement } from './seen.ts';

export interface World extends Naming {
  /** The policies folder. */
  readonly files: readonly PolicyFile[];
  /** Of the role. */
  readonly path: string;
  readonly role: string;
  readonly timeZone: string;
  readonly pooling: 'none' | 'session' | 'transaction';
}

/** What became of a statement. */
export interface Grown {
  readonly statement: SeenStatement;
  /** Keys of what it needs, of all rounds. */
  readonly needs: ReadonlySet<string>;
  /** The needs contain all its columns: a role without grants was judged, so the refusal named them all. */
  readonly isWhole: boolean;
  /** Why it is refused still. */
  readonly refused?: { readonly reason: string; readonly message: string };
}

export interface Growth {
  readonly statements: readonly Grown[];
  /** By the table's name: why it cannot be granted. */
  readonly barred: ReadonlyMap<string, string>;
}

/** A statement needs a table, its columns, a function, a word: rarely more, one after the other. */
const MOST_ROUNDS = 16;

/** Adds to the role what the statements need, except what `isAllowed` rejects. */
export function grow(
  role: GrownRole,
  statements: readonly SeenStatement[],
  world: World,
  isAllowed: (need: Need) => boolean = () => true,
): Growth {
  const found = new Map<SeenStatement, { needs: Set<string>; isWhole?: boolean; refused?: Grown['refused'] }>(
    statements.map((statement) => [statement, { needs: new Set() }]),
  );
  const barred = new Map<string, string>();
  let pending = statements.filter(({ text }) => text !== undefined);
  for (let round = 0; round < MOST_ROUNDS && pending.length > 0; round += 1) {
    const policy = compiled(role, world, barred);
    const left: SeenStatement[] = [];
    let grew = false;
    const guard = policy && guardOf(policy, world);
    for (const statement of pending) {
      const state = found.get(statement)!;
      const judgement = guard ? judged(guard, statement) : undefined;
      const stars = round === 0 ? starsOf(statement, world) : [];
      if (round === 0) state.isWhole = !judgement?.refusal || judgement.statements.some(({ access }) => access);
      if (!judgement?.refusal) {
        delete state.refused;
        if (!judgement) state.refused = { reason: 'role-disabled', message: 'the role does not compile' };
        continue;
      }
      const { reason, message } = judgement.refusal;
      state.refused = { reason, message };
      for (const need of [...stars, ...needsOf(judgement, policy!, world)]) {
        // A table's own sequence goes with INSERT, which another statement may bring first.
        if (need.kind === 'sequence' && round === 0) {
          grew = true;
          continue;
        }
        state.needs.add(keyOf(need));
        const isBarred = barred.has('table' in need ? `${need.table.schema}.${need.table.name}` : keyOf(need));
        if (!isBarred && isAllowed(need) && role.add(need)) grew = true;
      }
      left.push(statement);
    }
    pending = left;
    if (!grew) break;
  }
  return {
    statements: statements.map((statement) => {
      const { needs, isWhole = false, refused } = found.get(statement)!;
      return statement.text === undefined
        ? { statement, needs, isWhole, refused: { reason: 'unknown', message: 'the log has no text of it' } }
        : { statement, needs, isWhole, ...(refused && { refused }) };
    }),
    barred,
  };
}

/**
 * Of a line, also the statements that need it and were not refused for it, since others had brought it by then: without it they are.
 */
export function alsoNeeding(key: string, role: GrownRole, grown: readonly Grown[], world: World): readonly Grown[] {
  const need = role.all.get(key);
  if (!need) return [];
  const isColumn = 'column' in need && need.column !== undefined;
  const others = grown.filter(({ needs, refused, isWhole }) => !refused && !needs.has(key) && !(isColumn && isWhole));
  if (others.length === 0) return [];
  const policy = compiled(role.without(key), world);
  const guard = policy && guardOf(policy, world);
  return guard ? others.filter(({ statement }) => judged(guard, statement).refusal) : [];
}

/** Where `*` is all that a role reads, a role without a column would let it pass, and show nothing. */
function starsOf({ text = '', runs }: SeenStatement, { catalog, searchPath }: World): Need[] {
  if (!text.includes('*')) return [];
  return [text, runs?.text ?? '']
    .flatMap((one) => starColumns(one, catalog, searchPath))
    .filter(({ table }) => isOurs(table))
    .map((column) => ({ kind: 'select', ...column }));
}

/** What the guard says of it, and of what an EXECUTE runs. */
export function judged(guard: Pick<Guard, 'judge'>, { text, types, runs }: SeenStatement): Judgement {
  const run = runs && guard.judge(runs.text, runs.types);
  return run?.refusal ? run : guard.judge(text ?? '', types);
}

export function guardOf(role: RolePolicy, { catalog, searchPath, pooling }: World): Guard {
  return new Guard({ catalog, searchPath, pooling, role: { ...role, mode: 'enforce' } });
}

/** The role as it is now; tables, functions and words with an error are taken out of it, and said in `barred`. */
export function compiled(role: GrownRole, world: World, barred = new Map<string, string>()): RolePolicy | undefined {
  for (;;) {
    const text = stringify(role.asFile(), { lineWidth: 0, aliasDuplicateObjects: false });
    const { policy, diagnostics } = loadWith(text, world);
    const errors = diagnostics.filter(({ severity, file }) => severity === 'error' && file === world.path);
    // Errors that were not caused by added grants were in the file before.
    if (!takeOut(role, text, errors, world, barred)) return policy.roles.get(world.role);
  }
}

/** Loads the role's file with the files that it refers to; principals are not needed. */
function loadWith(text: string, { files, path, catalog, searchPath, timeZone }: World): LoadedPolicy {
  const around = files.filter((file) => file.path.startsWith('grants/') || file.path.endsWith('subjects.yaml'));
  const env = { catalog, searchPath, timeZone, canaryKey: 'elsewhere' as const, compileCondition, compileMask };
  return loadPolicy([...around, { path, text }], env);
}

function takeOut(
  role: GrownRole,
  text: string,
  errors: readonly Diagnostic[],
  { path }: World,
  barred: Map<string, string>,
): boolean {
  const document = new PolicyDocument({ path, text });
  const errorAt = (at: readonly PropertyKey[]): string | undefined => {
    const [from, to] = document.linesOf(at);
    return errors.find(({ line }) => from <= line && line <= to)?.message;
  };
  const before = role.all.size;
  for (const { name, relation } of role.tables()) {
    const message = errorAt(['tables', name]);
    if (message === undefined) continue;
    barred.set(`${relation.schema}.${relation.name}`, message);
    role.remove((need) => 'table' in need && need.table.oid === relation.oid);
  }
  for (const { name, relation } of role.sequences()) {
    const message = errorAt(['sequences', name]);
    if (message === undefined) continue;
    for (const right of SEQUENCE_RIGHTS) barred.set(keyOf({ kind: 'sequence', sequence: relation, right }), message);
    role.remove((need) => need.kind === 'sequence' && need.sequence.oid === relation.oid);
  }
  role.functions().forEach((fn, at) => {
    const message = errorAt(['functions', at]);
    if (message === undefined) return;
    barred.set(`function ${fn}`, message);
    role.remove((need) => need.kind === 'function' && need.text === fn);
  });
  return role.all.size < before;
}
