/** Compiles one role file against the catalog: attributes, scope, grants, functions and limits become a RolePolicy. */
import type { Fn, Oid, Relation } from '../../sql/catalog/catalog.ts';
import { type Limits, OF_SUBJECTS } from '../model/limits.ts';
import type { AttributeType, RelationGrant, RolePolicy, Subject, TemporaryTable } from '../model/policy.ts';
import { type Visible, visibleTo } from '../model/visible.ts';
import type { GrantsFile, RoleFile } from '../schema/role-schema.ts';
import type { DiagnosticReport } from '../source/diagnostic.ts';
import type { Path, PolicyDocument } from '../source/document.ts';
import type { RuleRef } from '../source/rule.ts';
import type { PolicyEnvironment } from '../source/sql-source.ts';
import { suggestion } from '../source/suggestion.ts';
import type { Approver } from './approvers.ts';
import { compileAttributes } from './attributes.ts';
import { resolveFunctions, resolveType } from './functions.ts';
import { readSettingRule, type SettingRule, tellsOfRows } from './grantable-settings.ts';
import { compileTables, type Granted } from './grants.ts';
import { checkDuring, checkLimitsPerUser, checkThrottles } from './limit-problems.ts';
import { duringWithRules, withRules } from './limit-rules.ts';
import { splitName } from './names.ts';
import type { GrantsPart } from './row-conditions.ts';
import type { ScopeRule } from './scope.ts';
import { compileSequences } from './sequences.ts';
import { checkApprovals } from './signed.ts';
import type { SubjectReach } from './subject-reach.ts';
import { keysOn } from './subjects.ts';
import { namedCatalog, systemCatalogGrants } from './system-catalogs.ts';
import { compileTemporary, temporaryGrant } from './temporary.ts';
import { checkReturnedSubjects } from './undeclared-keys.ts';
import { FIRST_USER_OID, isRow } from './visible-types.ts';
import { withWritesThroughViews } from './writes-through-views.ts';

/** A grants file, by name; `file` is undefined if it has errors, which `failure` tells. */
export interface GrantsSource {
  readonly document: PolicyDocument;
  readonly file: GrantsFile | undefined;
  readonly failure: string | undefined;
}

export interface RoleContext {
  readonly env: PolicyEnvironment;
  readonly subjects: ReadonlyMap<string, Subject>;
  readonly reach: SubjectReach;
  readonly grants: ReadonlyMap<string, GrantsSource>;
  readonly approvers: ReadonlyMap<string, Approver>;
}

/** Keys without meaning for a role that may do everything. */
const RESTRICTED_ONLY = [
  'use',
  'scope',
  'tables',
  'temporary',
  'sequences',
  'functions',
  'types',
  'collations',
  'catalogs',
  'settings',
  'statements',
  'collect',
  'min_group',
  'round_to',
] as const;

/** Compiles a role. If the report holds an error, the role must not be used: the caller marks it disabled. */
export function compileRole(
  file: RoleFile,
  document: PolicyDocument,
  context: RoleContext,
  report: DiagnosticReport,
): RolePolicy {
  const attributes = compileAttributes(file.attributes ?? {}, document, report);
  const unrestricted = file.access === 'unrestricted';
  if (unrestricted) {
    for (const key of RESTRICTED_ONLY) {
      if (file[key] !== undefined)
        report.error(document.place([key]), `"${key}" does not go with "access: unrestricted"`);
    }
  }
  if (file.round_to !== undefined && file.min_group === undefined)
    report.error(document.place(['round_to']), '"round_to" goes with "min_group" alone: single rows cannot be rounded');
  checkLimits(file, document, context.subjects, report);
  if (file.raise) checkApprovals(file.raise, ['raise'], document, context.approvers, report);
  const own = unrestricted ? undefined : ownPart(file, document, attributes, context, report);
  const written = own ? compileRelations(file, own, context) : [];
  const functionRules = new Map<Fn, RuleRef>(own ? compileFunctions(file, own) : []);
  const functions = [...functionRules.keys()];
  const callable = new Set(functions.map(({ oid }) => oid));
  const relations = withWritesThroughViews(written, callable, context.env.catalog);
  const grantedTypes = own ? compileTypes(file.types ?? [], own) : new Set<Oid>();
  const collations = own ? compileCollations(file.collations ?? [], own) : new Set<Oid>();
  const temporary = unrestricted
    ? new Map<string, TemporaryTable>()
    : compileTemporary(file, document, attributes, context.env, report);
  const { catalog, searchPath } = context.env;
  const rule = document.rule(['role']);
  const visible = unrestricted
    ? undefined
    : visibleTo(catalog, searchPath, relations, functions, grantedTypes, collations);
  const holdsAll = own !== undefined && holdsEveryTable(file, relations, own);
  const named = own && file.catalogs ? compileCatalogs(file.catalogs, holdsAll, own) : new Map<Relation, RuleRef>();
  const system = visible ? systemCatalogGrants(catalog, visible, rule, named) : [];
  return {
    name: file.role,
    mode: file.mode ?? 'enforce',
    access: unrestricted ? 'unrestricted' : 'restricted',
    attributes,
    relations: new Map(
      [...relations, ...system, ...[...temporary.values()].map(temporaryGrant)].map((grant) => [
        grant.relation.oid,
        grant,
      ]),
    ),
    ...(temporary.size > 0 && { temporary }),
    ...(visible && {
      types: typesOf(visible, temporary),
      schemas: visible.schemas,
      namedSchemas: schemasNamedIn(file, searchPath),
      constraints: visible.plainConstraints,
    }),
    ...(grantedTypes.size > 0 && { grantedTypes }),
    ...(collations.size > 0 && { collations }),
    ...(own && file.settings && { settings: compileSettings(file.settings, holdsAll, own) }),
    functions: callable,
    functionRules: new Map([...functionRules].map(([fn, at]) => [fn.oid, at])),
    statements: new Set(file.statements ?? []),
    collect: file.collect ?? 'deny',
    minGroup: file.min_group,
    ...(file.round_to !== undefined && { roundTo: file.round_to }),
    limits: withRules(file.limits, document, ['limits']),
    ...(file.limits_per_user && { limitsPerUser: withRules(file.limits_per_user, document, ['limits_per_user']) }),
    ...(file.during && { during: duringWithRules(file.during, document, ['during']) }),
    ...(file.when_exceeded && { whenExceeded: file.when_exceeded }),
    ...(file.throttle && { throttle: file.throttle }),
    ...(file.lock && { lock: { ...file.lock, rule: document.rule(['lock']) } }),
    ...(file.raise && { raise: file.raise }),
    rule,
  };
}

function typesOf(visible: Visible, temporary: ReadonlyMap<string, TemporaryTable>): Set<Oid> {
  const ofTemporary = [...temporary.values()].flatMap(({ relation }) => relation.columns.map(({ type }) => type));
  return new Set([...visible.types.map(({ oid }) => oid), ...ofTemporary]);
}

function ownPart(
  file: RoleFile,
  document: PolicyDocument,
  attributes: ReadonlyMap<string, AttributeType>,
  context: RoleContext,
  report: DiagnosticReport,
): GrantsPart {
  const { env, subjects } = context;
  return {
    env,
    document,
    report,
    attributes,
    scopes: compileScopes(file, document, attributes, context, report),
    subjects: [...subjects.values()],
    reach: context.reach,
    subjectsOf: (relation) =>
      [...subjects.values()]
        .map((subject) => ({ subject, keys: keysOn(env.catalog, subject, relation) }))
        .filter(({ keys }) => keys.length > 0),
    lostOn: (relation) => [...subjects.values()].filter(({ lost }) => lost.relations.has(relation.oid)),
  };
}

function compileRelations(file: RoleFile, own: GrantsPart, context: RoleContext): RelationGrant[] {
  const { document, report } = own;
  const granted: Granted = new Map();
  compileTables(file.tables ?? {}, own, granted);
  compileSequences(file.sequences ?? {}, own, granted);
  const used = new Set<string>();
  (file.use ?? []).forEach((name, index) => {
    const place = document.placeOfValue(['use', index]);
    const source = context.grants.get(name);
    if (!source)
      report.error(place, `grants file "grants/${name}.yaml" does not exist${suggestion(name, context.grants.keys())}`);
    else if (used.has(name)) report.error(place, `"${name}" stands here twice`);
    else if (!source.file)
      report.error(place, `grants file "${source.document.path}" has errors: ${source.failure ?? ''}`);
    else compileTables(source.file.tables, { ...own, document: source.document }, granted);
    used.add(name);
  });
  return [...granted.values()].flatMap(({ grant }) => grant ?? []);
}

/** Each condition is compiled on the table of its subject's first key, even if that table is not granted. */
function compileScopes(
  file: RoleFile,
  document: PolicyDocument,
  attributes: ReadonlyMap<string, AttributeType>,
  context: RoleContext,
  report: DiagnosticReport,
): Map<string, ScopeRule> {
  const scopes = new Map<string, ScopeRule>();
  for (const name of Object.keys(file.scope ?? {})) {
    const path = ['scope', name];
    const subject = context.subjects.get(name);
    if (!subject) {
      report.error(
        document.place(path),
        `subject "${name}" does not exist${suggestion(name, context.subjects.keys())}`,
      );
      continue;
    }
    scopes.set(name, compileScope(subject, path, document, attributes, context.env, report));
  }
  return scopes;
}

function compileScope(
  subject: Subject,
  path: Path,
  document: PolicyDocument,
  attributes: ReadonlyMap<string, AttributeType>,
  env: PolicyEnvironment,
  report: DiagnosticReport,
): ScopeRule {
  if (document.written(path) === 'all') return { kind: 'all' };
  if (subject.lost.first) {
    // Without the first key's table, scope cannot be evaluated.
    const why = `the scope of subject "${subject.name}" cannot be kept without its first key`;
    report.error(document.place(path), `${why}: ${subject.rule} has its keys`);
    return { kind: 'broken' };
  }
  const text = document.sql(path, report);
  const relation = subject.keys[0]?.relation;
  if (!text || !relation) return { kind: 'broken' };
  const rule = document.rule(path);
  const { catalog, searchPath } = env;
  const compiled = env.compileCondition({ sql: text.sql, rule }, { catalog, searchPath, relation, attributes });
  if ('rule' in compiled) return { kind: 'condition', text, rule };
  for (const problem of compiled) report.error(text.place(problem.offset), problem.message);
  return { kind: 'broken' };
}

function compileFunctions(file: RoleFile, part: GrantsPart): (readonly [Fn, RuleRef])[] {
  const { document, env, report } = part;
  return (file.functions ?? []).flatMap((text, index) => {
    const path = ['functions', index];
    const resolved = resolveFunctions(env.catalog, env.searchPath, text);
    if ('value' in resolved)
      return resolved.value
        .filter((fn) => checkReturnedSubjects(fn, path, part))
        .map((fn) => [fn, document.rule(path)] as const);
    if (resolved.missing) report.withhold(document.placeOfValue(path), resolved.problem);
    else report.error(document.placeOfValue(path), resolved.problem);
    return [];
  });
}

/** Checks every `limits` of the role: its subjects must exist, and throttling needs a `throttle` rate. */
function checkLimits(
  file: RoleFile,
  document: PolicyDocument,
  subjects: ReadonlyMap<string, Subject>,
  report: DiagnosticReport,
): void {
  if (file.when_exceeded === 'throttle' && !file.throttle) {
    report.error(document.place(['when_exceeded']), 'the role has no "throttle" that says how much');
  }
  checkDuring(file.during, document, ['during'], report);
  checkLimitsPerUser(file.limits_per_user, document, report);
  const places: [Path, Limits | undefined][] = [
    [['limits'], file.limits],
    [['limits_per_user'], file.limits_per_user],
    ...(file.during ?? []).map(({ limits }, index): [Path, Limits] => [['during', index, 'limits'], limits]),
  ];
  for (const [path, limits] of places) {
    checkThrottles(limits, file.throttle !== undefined, document, path, report);
    for (const key of OF_SUBJECTS) {
      for (const name of limits?.[key]?.keys() ?? []) {
        if (subjects.has(name)) continue;
        const near = suggestion(name, subjects.keys());
        report.error(document.place([...path, key, name]), `subject "${name}" does not exist${near}`);
      }
    }
  }
}

/** Of a table without a schema, those of `search_path`. */
function schemasNamedIn({ tables }: RoleFile, searchPath: readonly string[]): readonly string[] {
  const found = Object.keys(tables ?? {}).flatMap((text) => {
    const parts = splitName(text) ?? [];
    return parts.length > 1 ? parts.slice(0, 1) : searchPath;
  });
  return [...new Set(found)];
}

/** `settings` of a role: settings that it may change beyond the default ones, and up to which value. */
function compileSettings(
  settings: Readonly<Record<string, string | number>>,
  holdsAll: boolean,
  { env, document, report }: Pick<GrantsPart, 'env' | 'document' | 'report'>,
): Map<string, SettingRule> {
  const { functions } = env.catalog.data;
  const extensions = new Set(functions.map(({ extension }) => extension).filter((name) => name !== ''));
  const found = new Map<string, SettingRule>();
  for (const [name, written] of Object.entries(settings)) {
    const key = name.toLowerCase();
    const rule = readSettingRule(key, String(written), extensions);
    if (typeof rule === 'string') report.error(document.place(['settings', name]), rule);
    // An error of the whole role, which ends its sessions: one of them may have set it already.
    else if (!holdsAll && tellsOfRows(key))
      report.error(
        document.place(['settings', name]),
        `parameter "${key}" makes code of users tell how many rows it finds: ${ONLY_WHOLE}`,
      );
    else found.set(key, rule);
  }
  return found;
}

/** `types` of a role: user-defined types that it may name, such as `public.percentage`. */
function compileTypes(names: readonly string[], { env, document, report }: GrantsPart): Set<Oid> {
  const { catalog, searchPath } = env;
  const found = new Set<Oid>();
  names.forEach((text, index) => {
    const place = document.placeOfValue(['types', index]);
    const oid = resolveType(catalog, searchPath, text);
    if (oid === undefined) {
      const known = catalog.data.types.filter(({ schema }) => schema !== 'pg_catalog').map(({ name }) => name);
      report.withhold(place, `type "${text}" does not exist${suggestion(text, known)}`);
    } else if (isRow(catalog, oid)) report.error(place, `"${text}" is a table: its row type goes with the whole of it`);
    else found.add(oid);
  });
  return found;
}

/** Whether nothing is withheld from the role, and no people are counted. */
function holdsEveryTable(
  file: RoleFile,
  relations: readonly RelationGrant[],
  { env, subjects }: Pick<GrantsPart, 'env' | 'subjects'>,
): boolean {
  const whole = new Set(relations.filter(({ select }) => select?.whole).map(({ relation }) => relation.oid));
  const isTable = ({ oid, kind }: Relation): boolean => oid >= FIRST_USER_OID && 'rpmf'.includes(kind);
  return (
    subjects.length === 0 &&
    file.min_group === undefined &&
    env.catalog.data.relations.every((relation) => !isTable(relation) || whole.has(relation.oid))
  );
}

const ONLY_WHOLE = 'for a role that reads every table whole, where there are no subjects';

/**
 * `catalogs` of a role: system catalogs that it reads whole. INVARIANT 196: they tell of rows: by statistics, counters, sizes, what others ask. So a role
 * may have them only if nothing is withheld from it, and no people are counted; in any other they are withheld: its sessions go on where a table is
 * created that its policy does not name.
 */
function compileCatalogs(
  names: readonly string[],
  holdsAll: boolean,
  { env, document, report }: GrantsPart,
): Map<Relation, RuleRef> {
  const found = new Map<Relation, RuleRef>();
  if (!holdsAll) {
    report.withhold(document.placeOfValue(['catalogs']), `system catalogs tell of rows: ${ONLY_WHOLE}`);
    return found;
  }
  names.forEach((text, index) => {
    const path = ['catalogs', index];
    const relation = namedCatalog(env.catalog, text);
    if (typeof relation === 'string') report.error(document.placeOfValue(path), relation);
    else found.set(relation, document.rule(path));
  });
  return found;
}

/** `collations` of a role. One name may stand for several, each for another encoding. */
function compileCollations(names: readonly string[], { env, document, report }: GrantsPart): Set<Oid> {
  const known = env.catalog.data.collations;
  const found = new Set<Oid>();
  names.forEach((text, index) => {
    const [name, schema, ...more] = [...(splitName(text) ?? [])].reverse();
    const named = more.length > 0 ? [] : known.filter((one) => one.name === name);
    const path = schema === undefined ? env.searchPath : [schema];
    const first = path.find((one) => named.some((other) => other.schema === one));
    for (const one of named) if (one.schema === first) found.add(one.oid);
    if (first === undefined) {
      const near = suggestion(
        text,
        known.map((one) => one.name),
      );
      report.withhold(document.placeOfValue(['collations', index]), `collation "${text}" does not exist${near}`);
    }
  });
  return found;
}
