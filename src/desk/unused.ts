/** Grants and functions that nothing has used, by the log, and what of them may be deleted. Limits, masks of used columns, `during`, locks and canaries never are. */

import { mapOf } from '../decision-log/reports/policy-texts.ts';
import type { GrantUse } from '../decision-log/reports/used-grants.ts';
import type { CalendarDays } from '../metering/days.ts';
import { grantsOfTables, type Policy, TABLE_COMMANDS, type TableCommand } from '../policy/model/policy.ts';
import { withAccepted } from '../policy/review/accepted.ts';
import { placeOfRule } from '../policy/source/diagnostic.ts';
import { PolicyDocument, type PolicyFile } from '../policy/source/document.ts';
import type { RuleRef } from '../policy/source/rule.ts';
import type { Catalog, Oid } from '../sql/catalog/catalog.ts';
import { byPlace } from './test/coverage.ts';

/** A school year and a month: report cards come once a term, enrolments once a year. */
export const WHOLE_YEAR_DAYS = 395;
const DAY_MS = 86_400_000;

export type UnusedVerdict =
  /** Nothing used it in the whole time: the line may go. */
  | 'delete'
  /** The log does not say enough of the time. */
  | 'keep'
  /** It has been in the policy for a shorter time than that. */
  | 'new'
  /** Granted by `*`: it has no line of its own. */
  | 'star'
  /** It may be called in a way that no text shows: as an operator or a cast, or in a text that was cut. */
  | 'cannot tell'
  | 'accepted';

export interface Unused {
  readonly kind: 'table' | 'columns' | 'function';
  readonly roles: readonly string[];
  readonly rule: RuleRef;
  /** `public.students`, `public.school_year` */
  readonly name: string;
  readonly command?: TableCommand;
  readonly columns?: readonly string[];
  readonly standing: UnusedVerdict;
  /** Of what is accepted. */
  readonly accepted?: { readonly until: string; readonly reason: string };
}

export interface UnusedQuestion {
  readonly policy: Policy;
  readonly catalog: Catalog;
  /** Of that policy. */
  readonly files: readonly PolicyFile[];
  readonly use: GrantUse;
  /** Files of a policy that was in force, by the hash under which they were kept. */
  readonly keptFiles: (kept: string) => readonly PolicyFile[] | undefined;
  readonly days: CalendarDays;
  readonly timeZone: string;
  readonly now: number;
}

/** Months of the last 395 days that the log has not seen from their first day on, as `2026-03`; this one aside. */
export function monthsNotSeen({ use, now, days }: Pick<UnusedQuestion, 'use' | 'now' | 'days'>): string[] {
  const { first } = use.coverage;
  const found = new Set<string>();
  for (let at = now - WHOLE_YEAR_DAYS * DAY_MS; at <= now; at += DAY_MS) {
    const month = new Date(days.dayOf(at) * DAY_MS).toISOString().slice(0, 7);
    if (!use.months.has(month) || first === undefined || at < first) found.add(month);
  }
  return [...found];
}

/** True where the log is of the whole time and lacks no record. */
export function seesWholeYear(question: Pick<UnusedQuestion, 'use' | 'now' | 'days'>): boolean {
  const { coverage } = question.use;
  return monthsNotSeen(question).length === 0 && coverage.missing + coverage.beginLate.length === 0;
}

export function findUnused(question: UnusedQuestion): Unused[] {
  const all = [...ofTables(question), ...ofFunctions(question)];
  const warnings = all.map(({ rule }) => ({ ...placeOfRule(rule), severity: 'warning' as const, message: '' }));
  const accepted = withAccepted(warnings, question.files, question.now, question.timeZone);
  return all
    .map((each, at): Unused => {
      const by = accepted[at]?.accepted;
      return by ? { ...each, standing: 'accepted', accepted: by } : each;
    })
    .toSorted(byPlace);
}

interface Granted {
  readonly roles: Set<string>;
  readonly rule: RuleRef;
  readonly name: string;
  readonly command: TableCommand;
  /** By name: whether one of the roles has used it. */
  readonly columns: Map<string, boolean>;
  isUsed: boolean;
}

/** A file of grants that several roles use is asked about once: it is used where one of them uses it. */
function ofTables(question: UnusedQuestion): Unused[] {
  const { policy, use } = question;
  const grants = new Map<string, Granted>();
  for (const role of policy.roles.values()) {
    const used = use.roles.get(role.name)?.names;
    for (const grant of grantsOfTables(role)) {
      const name = `${grant.relation.schema}.${grant.relation.name}`;
      for (const command of TABLE_COMMANDS) {
        const of = grant[command];
        if (!of) continue;
        const id = `${of.rule} ${command} ${name}`;
        const granted: Granted = grants.get(id) ?? {
          ...{ roles: new Set(), rule: of.rule, name, command, columns: new Map(), isUsed: false },
        };
        grants.set(id, granted);
        granted.roles.add(role.name);
        granted.isUsed ||= used?.get(name)?.has(command) === true;
        for (const column of 'columns' in of ? of.columns.keys() : []) {
          const isUsed = used?.get(`${name}.${column}`)?.has(command) === true;
          granted.columns.set(column, isUsed || granted.columns.get(column) === true);
        }
      }
    }
  }
  return [...grants.values()].flatMap((granted): Unused[] => {
    const { rule, name, command, isUsed } = granted;
    const columns = [...granted.columns].filter(([, used]) => !used).map(([column]) => column);
    if (isUsed && (columns.length === 0 || command === 'delete')) return [];
    const found = { roles: [...granted.roles].toSorted(), rule, name, command };
    if (!isUsed) return [{ ...found, kind: 'table', standing: standingOf(question, granted, []) }];
    const byStanding = new Map<UnusedVerdict, string[]>();
    for (const column of columns) {
      const standing = standingOf(question, granted, [column]);
      byStanding.set(standing, [...(byStanding.get(standing) ?? []), column]);
    }
    return [...byStanding].map(([standing, list]) => ({ ...found, kind: 'columns', columns: list, standing }));
  });
}

function ofFunctions(question: UnusedQuestion): Unused[] {
  const { policy, catalog, use } = question;
  const hidden = calledWithoutName(catalog);
  const granted = new Map<string, { roles: string[]; oid: Oid; rule: RuleRef; isUsed: boolean; isCut: boolean }>();
  for (const role of policy.roles.values()) {
    const { words, isCut = false } = use.roles.get(role.name) ?? {};
    for (const oid of role.functions) {
      const name = catalog.functionsByOid.get(oid)?.name.toLowerCase() ?? '';
      const rule = role.functionRules?.get(oid) ?? role.rule;
      const before = granted.get(`${rule} ${oid}`);
      granted.set(`${rule} ${oid}`, {
        ...{ oid, rule, roles: [...(before?.roles ?? []), role.name] },
        // A name of several words is in no text as one.
        isUsed: before?.isUsed === true || words?.has(name) === true || !/^[\p{L}_][\p{L}\p{N}_$]*$/u.test(name),
        isCut: before?.isCut === true || isCut,
      });
    }
  }
  return [...granted.values()].flatMap(({ oid, rule, roles, isUsed, isCut }): Unused[] => {
    if (isUsed) return [];
    const fn = catalog.functionsByOid.get(oid);
    const asked = { rule, roles, function: fn?.name ?? '' };
    const standing = isCut || hidden.has(oid) ? 'cannot tell' : standingOfFunction(question, asked);
    return [{ kind: 'function', roles, rule, name: `${fn?.schema}.${fn?.name}`, standing }];
  });
}

/** Functions of operators and casts, which a text does not call by name. */
function calledWithoutName({ data }: Catalog): ReadonlySet<Oid> {
  return new Set([...data.operators.map(({ fn }) => fn), ...data.casts.map(({ fn }) => fn)]);
}

function standingOf(question: UnusedQuestion, granted: Granted, columns: readonly string[]): UnusedVerdict {
  if (!seesWholeYear(question)) return 'keep';
  const { files } = question;
  const { file, line } = placeOfRule(granted.rule);
  const document = documentAt(files, file);
  const table = Object.keys(tablesOf(document)).find((name) => {
    const [from, to] = document?.linesOf(['tables', name]) ?? [0, 0];
    return from <= line && line <= to;
  });
  const has = (all: readonly PolicyFile[]): boolean =>
    table !== undefined && isGranted(documentAt(all, file), table, granted.command, columns);
  if (!wasInForce(question, [...granted.roles], has)) return 'new';
  return columns.length > 0 && columnsOf(document, table ?? '', granted.command).includes('*') ? 'star' : 'delete';
}

function standingOfFunction(
  question: UnusedQuestion,
  {
    rule,
    roles,
    function: name,
  }: { readonly rule: RuleRef; readonly roles: readonly string[]; readonly function: string },
): UnusedVerdict {
  if (!seesWholeYear(question)) return 'keep';
  const { file } = placeOfRule(rule);
  const written = functionsOf(documentAt(question.files, file)).filter((text) => text.includes(name));
  const has = (all: readonly PolicyFile[]): boolean =>
    written.some((text) => functionsOf(documentAt(all, file)).includes(text));
  return wasInForce(question, roles, has) ? 'delete' : 'new';
}

/** Each policy that was in force was kept, has one of these roles, and grants what is asked about. */
function wasInForce(
  { use, keptFiles }: UnusedQuestion,
  roles: readonly string[],
  has: (files: readonly PolicyFile[]) => boolean,
): boolean {
  return use.policies.every((kept) => {
    const files = kept === undefined ? undefined : keptFiles(kept);
    if (!files) return false;
    const isThere = files.some(({ path }) => roles.includes(String(mapOf(documentAt(files, path)?.value).role)));
    return isThere && has(files);
  });
}

function functionsOf(document: PolicyDocument | undefined): string[] {
  return [mapOf(document?.value).functions ?? []].flat().map(String);
}

/** By file: read once, however many columns are asked about. */
const documents = new WeakMap<PolicyFile, PolicyDocument>();

function documentAt(files: readonly PolicyFile[], path: string): PolicyDocument | undefined {
  const file = files.find((each) => each.path === path);
  if (!file) return undefined;
  const document = documents.get(file) ?? new PolicyDocument(file);
  documents.set(file, document);
  return document;
}

/** As they are written there; a mask is a grant of its column. */
function isGranted(
  document: PolicyDocument | undefined,
  table: string,
  command: TableCommand,
  columns: readonly string[],
) {
  const all = columnsOf(document, table, command);
  const grant = mapOf(tablesOf(document)[table])[command];
  return grant !== undefined && columns.every((column) => all.includes('*') || all.includes(column));
}

function columnsOf(document: PolicyDocument | undefined, table: string, command: TableCommand): string[] {
  const grant = mapOf(mapOf(tablesOf(document)[table])[command]);
  return [...[grant.columns ?? []].flat().map(String), ...Object.keys(mapOf(grant.masks))];
}

function tablesOf(document: PolicyDocument | undefined): Readonly<Record<string, unknown>> {
  return mapOf(mapOf(document?.value).tables);
}
