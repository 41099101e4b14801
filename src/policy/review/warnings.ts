/** Warns if a granted view, function, trigger, generated column or type reads what the role may not. */
import type { Catalog, Fn, Oid, Reach, Relation } from '../../sql/catalog/catalog.ts';
import { grantsOfTables, type Policy, type RelationGrant, type RolePolicy } from '../model/policy.ts';
import type { Diagnostic } from '../source/diagnostic.ts';
import type { RuleRef } from '../source/rule.ts';
import { Closure, type Reached } from './closure.ts';

/** For every enforced role. Without `catalog.data.reaches` there are no warnings, as nothing is known. */
export function reachWarnings(policy: Policy, catalog: Catalog, searchPath: readonly string[]): Diagnostic[] {
  const closure = new Closure(catalog, searchPath);
  return [...policy.roles.values()]
    .filter(({ access, disabled }) => access === 'restricted' && disabled === undefined)
    .flatMap((role) => warningsOf(role, catalog, closure));
}

/** An object that reads on behalf of the role, and the policy line that grants it. */
interface Reader {
  /** `view "public.x"` */
  readonly name: string;
  readonly rule: RuleRef;
  readonly reached: Reached;
  /** The grant filters its result: then its author knows that it reads past the filters of its tables. */
  readonly filtered?: boolean;
  /** `reaches`: it may do something other than reading, such as a rule that writes elsewhere. */
  readonly verb?: 'reads' | 'reaches';
}

function warningsOf(role: RolePolicy, catalog: Catalog, closure: Closure): Diagnostic[] {
  const grants = grantsOfTables(role);
  const readers = [
    ...grants.flatMap((grant) => viewReaders(grant, closure)),
    ...functionReaders(role, catalog, closure),
    ...grants.flatMap((grant) => writeReaders(grant, catalog, closure)),
    ...typeReaders(grants, catalog, closure),
  ];
  const messages = readers.flatMap((reader) => messagesOf(reader, role).map((message) => ({ reader, message })));
  return [
    ...messages.map(({ reader, message }) => diagnostic(role, reader.rule, message)),
    ...grants.flatMap((grant) => computedColumns(grant, role, catalog)),
    ...grants.flatMap((grant) => settingExpressions(grant, role, catalog)),
  ];
}

/** Defaults, checks and trigger conditions that call the server's set_config directly, without a user's function. */
function settingExpressions(grant: RelationGrant, role: RolePolicy, catalog: Catalog): Diagnostic[] {
  const { relation, insert, update, rule } = grant;
  const written = insert?.rule ?? update?.rule;
  const domains = (type: Oid): boolean => relation.columns.some((column) => standsOn(column.type, type, catalog));
  const found = catalog.data.dependents.flatMap(({ kind, name, calls, type, relation: of }) => {
    const isMet = type === 0 ? of === relation.oid && written !== undefined : domains(type);
    if (!isMet || !calls.some((oid) => catalog.functionsByOid.get(oid)?.name === 'set_config')) return [];
    return [`${kind}${name && ` "${name}"`} of ${nameOf((type && catalog.typesByOid.get(type)) || relation)}`];
  });
  return found.sort().map((what) => diagnostic(role, written ?? rule, `${what} changes settings: ${ENDED}`));
}

const ENDED = 'a session in which it changes one that Rowgate relies on is ended';

function viewReaders({ relation, select, rule }: RelationGrant, closure: Closure): Reader[] {
  if (!select || (relation.kind !== 'v' && relation.kind !== 'm')) return [];
  const kind = relation.kind === 'v' ? 'view' : 'materialized view';
  const filtered = select.conditions.length > 0;
  return [{ name: `${kind} ${nameOf(relation)}`, rule, reached: closure.ofRelation(relation), filtered }];
}

function functionReaders(role: RolePolicy, catalog: Catalog, closure: Closure): Reader[] {
  return [...role.functions].flatMap((oid): Reader[] => {
    const fn = catalog.functionsByOid.get(oid);
    if (!fn) return [];
    const rule = role.functionRules?.get(oid) ?? role.rule;
    const kind = fn.securityDefiner ? 'SECURITY DEFINER function' : 'function';
    return [{ name: `${kind} ${nameOf(fn)}`, rule, reached: closure.ofFunction(fn) }];
  });
}

/** Triggers and rules that a granted write activates. */
function writeReaders(grant: RelationGrant, catalog: Catalog, closure: Closure): Reader[] {
  const { relation } = grant;
  const set = (catalog.data.reaches ?? []).filter(
    ({ of, kind }) => of === relation.oid && (kind === 'trigger' || kind === 'rule'),
  );
  return set.flatMap((reach): Reader[] => {
    const event = (['insert', 'update', 'delete'] as const).find(
      (command) => grant[command] && reach.events?.includes(command),
    );
    const rule = event && grant[event]?.rule;
    if (event === undefined || rule === undefined) return [];
    const what = reach.kind === 'rule' ? 'a rule' : `trigger function ${calledBy(reach, catalog)}`;
    return [
      {
        name: `${what} of ${nameOf(relation)}, set off by ${event.toUpperCase()},`,
        rule,
        reached: closure.ofReach(reach),
        filtered: true,
        verb: 'reaches',
      },
    ];
  });
}

/** Domains of granted columns that have a check with a function call. */
function typeReaders(grants: readonly RelationGrant[], catalog: Catalog, closure: Closure): Reader[] {
  const checks = (catalog.data.reaches ?? []).filter(({ kind, calls }) => kind === 'domain' && calls.length > 0);
  return checks.flatMap((reach): Reader[] => {
    const type = catalog.typesByOid.get(reach.of);
    const grant = grants.find(({ relation, select, insert, update }) =>
      relation.columns.some(
        ({ name, type: of }) =>
          standsOn(of, reach.of, catalog) &&
          (select?.columns.has(name) || insert?.columns.has(name) || update?.columns.has(name)),
      ),
    );
    if (!type || !grant) return [];
    const name = `the check of type ${nameOf(type)}, by function ${calledBy(reach, catalog)},`;
    return [{ name, rule: grant.rule, reached: closure.ofReach(reach), filtered: true }];
  });
}

/** Whether the type is the domain, an array of it, or a domain over it. */
function standsOn(oid: Oid, domain: Oid, catalog: Catalog): boolean {
  for (let type = catalog.typesByOid.get(oid); type; type = catalog.typesByOid.get(type.element || type.base)) {
    if (type.oid === domain) return true;
  }
  return false;
}

/** Visible generated columns that are computed from hidden columns. */
function computedColumns({ relation, select }: RelationGrant, role: RolePolicy, catalog: Catalog): Diagnostic[] {
  const defaults = (catalog.data.reaches ?? []).filter(({ kind, of }) => kind === 'default' && of === relation.oid);
  return [...(select?.columns.values() ?? [])].flatMap(({ column, mask, rule }) => {
    if (column.generated === '' || mask) return [];
    const reads = defaults.filter((of) => of.column === column.attnum).flatMap((of) => of.reads);
    const hidden = relation.columns.filter(
      ({ attnum, name }) =>
        reads.some((read) => read.relation === relation.oid && read.attnum === attnum) && !seesColumn(select, name),
    );
    if (hidden.length === 0) return [];
    const names = hidden.map(({ name }) => quoted(name)).join(', ');
    const message = `generated column "${column.name}" of ${nameOf(relation)} is computed from ${names}, which role "${role.name}" may not see as it is`;
    return [diagnostic(role, rule, message)];
  });
}

function messagesOf({ name, reached, filtered, verb = 'reads' }: Reader, role: RolePolicy): string[] {
  const messages = [...reached.tables].flatMap(([relation, columns]) => {
    const select = role.relations.get(relation.oid)?.select;
    const hidden = [...columns]
      .filter((column) => !seesColumn(select, column.name))
      .map((column) => quoted(column.name));
    const which = hidden.length === 0 ? 'rows' : hidden.sort().join(', ');
    if (!select) return [`${name} ${verb} ${nameOf(relation)} (${which}), which role "${role.name}" may not read`];
    const found: string[] = [];
    if (hidden.length > 0) {
      found.push(
        `${name} ${verb} ${which} of ${nameOf(relation)}, which role "${role.name}" may not see as ${hidden.length > 1 ? 'they are' : 'it is'}`,
      );
    }
    const [condition] = select.conditions;
    if (condition && !filtered) {
      found.push(
        `${name} reads all rows of ${nameOf(relation)}, which role "${role.name}" sees filtered (${condition.rule})`,
      );
    }
    return found;
  });
  return [
    ...messages,
    ...reached.setting.map((fn) => `${name} changes settings, in function ${nameOf(fn)}: ${ENDED}`),
    ...reached.opaque.map((fn) => `${name} cannot be seen through: what function ${nameOf(fn)} reads is not known`),
  ];
}

function seesColumn(select: RelationGrant['select'], name: string): boolean {
  const grant = select?.columns.get(name);
  return grant !== undefined && grant.mask === undefined;
}

function calledBy({ calls }: Reach, catalog: Catalog): string {
  return calls
    .map((oid) => catalog.functionsByOid.get(oid))
    .flatMap((fn) => (fn ? nameOf(fn) : []))
    .join(', ');
}

function diagnostic(role: RolePolicy, rule: RuleRef, message: string): Diagnostic {
  const at = rule.lastIndexOf(':');
  return {
    file: rule.slice(0, at),
    line: Number(rule.slice(at + 1)),
    column: 1,
    severity: 'warning',
    message,
    role: role.name,
  };
}

function nameOf({ schema, name }: Pick<Relation | Fn, 'schema' | 'name'>): string {
  return `"${schema}.${name}"`;
}

function quoted(name: string): string {
  return `"${name}"`;
}
