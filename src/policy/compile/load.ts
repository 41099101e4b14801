/** Compiles the texts of a policies folder, and reports every problem in them. */
import { hash as digest } from 'node:crypto';
import type { Limits, WindowLimit } from '../model/limits.ts';
import type { Policy, Principal, RolePolicy, Subject } from '../model/policy.ts';
import {
  principalSchema,
  principalsFileSchema,
  type SubjectsFile,
  subjectsSchema,
} from '../schema/principals-schema.ts';
import { grantsSchema, type RoleFile, roleSchema } from '../schema/role-schema.ts';
import { validate } from '../schema/validate.ts';
import { type Diagnostic, DiagnosticReport } from '../source/diagnostic.ts';
import { type Flaw, PolicyDocument, type PolicyFile } from '../source/document.ts';
import type { PolicyEnvironment, RelationsByKey } from '../source/sql-source.ts';
import { type AboutEntries, addAbout } from './about.ts';
import { type Approver, addApprovers } from './approvers.ts';
import { canariesOf } from './canary-rules.ts';
import { compileRole, type GrantsSource, type RoleContext } from './compile.ts';
import { compilePrincipal } from './principals.ts';
import { SubjectReach } from './subject-reach.ts';
import { compileSubjects } from './subjects.ts';

export interface LoadedPolicy {
  /** Usable despite errors: what they concern is disabled or withheld. */
  readonly policy: Policy;
  /** Sorted by file, line and column. */
  readonly diagnostics: readonly Diagnostic[];
  /** The files that were read, each with the hash of its text. */
  readonly files: readonly { readonly path: string; readonly sha256: string }[];
  /** To pass to the next reading, whatever the files are then. */
  readonly families: RelationsByKey;
}

type Kind = 'role' | 'grants' | 'principals' | 'subjects' | 'approvers';

/** Compiles the files of a policies folder against a catalog. */
export function loadPolicy(texts: readonly PolicyFile[], env: PolicyEnvironment): LoadedPolicy {
  const sources = [...texts].sort((a, b) => (a.path < b.path ? -1 : 1));
  const files = sources.map(({ path, text }) => ({ path, sha256: digest('sha256', text) }));
  const reports: DiagnosticReport[] = [];
  const report = (role?: string): DiagnosticReport => {
    const made = new DiagnosticReport(role);
    reports.push(made);
    return made;
  };
  const documents = sources.map((source) => new PolicyDocument(source));
  const ofKind = (kind: Kind): PolicyDocument[] => documents.filter((document) => policyFileKind(document) === kind);

  const strays = report();
  for (const document of documents.filter((candidate) => policyFileKind(candidate) === undefined)) {
    addFlaws(document.flaws, strays);
    const place = document.placeOfValue([]);
    strays.error(
      place,
      'expected a mapping with "role", "principals", "subjects", "approvers" or, in grants/, "tables"',
    );
  }
  const subjectReport = report();
  const families = new Map<string, ReadonlySet<string>>();
  const { subjects, about } = loadSubjects(ofKind('subjects'), env, subjectReport, families);
  const reach = new SubjectReach(env.catalog, subjects.values(), about);
  const grants = loadGrants(ofKind('grants'), report());
  // INVARIANT 10: without valid subjects no scope is known, so every restricted role is closed. An unrecognized file may have declared them.
  const failure = subjectReport.failure ?? strays.failure;
  const approvers = new Map<string, Approver>();
  for (const document of ofKind('approvers')) addApprovers(document, approvers, report());
  const roles = loadRoles(ofKind('role'), { env, subjects, reach, grants, approvers }, failure, report);
  warnOfUnused(grants, ofKind('role'), report());
  const principals = loadPrincipals(ofKind('principals'), { roles, subjects, approvers, env }, report);
  const hash = `sha256:${digest('sha256', files.map(({ path, sha256: of }) => `${path}\0${of}\n`).join(''))}`;
  const canaries = canariesOf(subjects.values(), env.canaryKey);
  const compiled = { hash, roles: withSubjects(roles, principals, subjects), principals, subjects, approvers };
  return {
    policy: { ...compiled, ...(canaries && { canaries }) },
    diagnostics: diagnosticsInOrder(reports),
    files,
    families,
  };
}

/** Decides by content, then by the path. For a file that is not YAML, only by the path. */
export function policyFileKind(document: PolicyDocument): Kind | undefined {
  const { value, path } = document;
  const has = (key: string): boolean => typeof value === 'object' && value !== null && Object.hasOwn(value, key);
  if (!document.malformed) {
    if (has('role')) return 'role';
    if (has('principals')) return 'principals';
    if (has('subjects')) return 'subjects';
    if (has('approvers')) return 'approvers';
  }
  if (path.startsWith('roles/')) return 'role';
  if (path.startsWith('grants/')) return 'grants';
  if (path === 'principals.yaml') return 'principals';
  if (path === 'subjects.yaml') return 'subjects';
  if (path === 'approvers.yaml') return 'approvers';
  return undefined;
}

function loadSubjects(
  documents: readonly PolicyDocument[],
  env: PolicyEnvironment,
  report: DiagnosticReport,
  families: Map<string, ReadonlySet<string>>,
): { subjects: Map<string, Subject>; about: AboutEntries } {
  const subjects = new Map<string, Subject>();
  const files: { readonly file: SubjectsFile; readonly document: PolicyDocument }[] = [];
  for (const document of documents) {
    addFlaws(document.flaws, report);
    if (document.malformed) continue;
    const file = validate(document, subjectsSchema, document.value);
    if (!file.ok) {
      addFlaws(file.flaws, report);
      continue;
    }
    for (const subject of compileSubjects(file.value, document, env, report, families)) {
      const before = subjects.get(subject.name);
      const place = document.place(['subjects', subject.name]);
      if (before) report.error(place, `subject "${subject.name}" is defined twice; the first is ${before.rule}`);
      subjects.set(subject.name, subject);
    }
    files.push({ file: file.value, document });
  }
  const about: AboutEntries = { relations: new Map(), functions: new Map() };
  for (const { file, document } of files) addAbout(about, file, document, subjects, env, report);
  return { subjects, about };
}

function loadGrants(documents: readonly PolicyDocument[], report: DiagnosticReport): Map<string, GrantsSource> {
  const grants = new Map<string, GrantsSource>();
  for (const document of documents) {
    const name = (document.path.split('/').at(-1) ?? '').replace(/\.yaml$/, '');
    const file = document.malformed ? undefined : validate(document, grantsSchema, document.value);
    const flaws = [...document.flaws, ...(file && !file.ok ? file.flaws : [])];
    addFlaws(flaws, report);
    const before = grants.get(name);
    if (before)
      report.error(document.place([]), `grants file "${name}" exists twice; the first is ${before.document.path}`);
    const failure = flaws[0]?.message ?? (before && 'it exists twice');
    grants.set(name, { document, file: failure === undefined && file?.ok ? file.value : undefined, failure });
  }
  return grants;
}

function loadRoles(
  documents: readonly PolicyDocument[],
  context: RoleContext,
  failure: string | undefined,
  newReport: (role?: string) => DiagnosticReport,
): Map<string, RolePolicy> {
  const roles = new Map<string, RolePolicy>();
  for (const document of documents) {
    const named = (document.value as { role?: unknown } | null | undefined)?.role;
    const name = typeof named === 'string' ? named : undefined;
    const report = newReport(name);
    addFlaws(document.flaws, report);
    const file = document.malformed ? undefined : validate(document, roleSchema, document.value);
    if (file && !file.ok) addFlaws(file.flaws, report);
    const compiled = file?.ok ? compileOrReport(file.value, document, context, report) : undefined;
    if (name === undefined) continue;
    const before = roles.get(name);
    if (before)
      report.error(document.placeOfValue(['role']), `role "${name}" is defined twice; the first is ${before.rule}`);
    const closed = report.failure ?? (compiled?.access === 'unrestricted' ? undefined : failure);
    if (compiled && closed === undefined) roles.set(name, compiled);
    else roles.set(name, disabledRole(name, compiled, document.rule(['role']), closed ?? 'the file has errors'));
  }
  return roles;
}

/** An exception is a bug; it closes the role in which it occurred. */
function compileOrReport(
  file: RoleFile,
  document: PolicyDocument,
  context: RoleContext,
  report: DiagnosticReport,
): RolePolicy | undefined {
  try {
    return compileRole(file, document, context, report);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    report.error(document.place(['role']), `internal error, the role cannot be compiled: ${reason}`);
    return undefined;
  }
}

/** What remains of a role with errors: enough to report it, and to check its principals. */
function disabledRole(name: string, compiled: RolePolicy | undefined, rule: string, disabled: string): RolePolicy {
  return {
    name,
    mode: 'enforce',
    access: 'restricted',
    attributes: compiled?.attributes ?? new Map(),
    relations: new Map(),
    functions: new Set(),
    statements: new Set(),
    collect: 'deny',
    minGroup: undefined,
    limits: compiled?.limits ?? {},
    rule,
    disabled,
  };
}

interface PrincipalContext {
  readonly roles: ReadonlyMap<string, RolePolicy>;
  readonly subjects: ReadonlyMap<string, Subject>;
  readonly approvers: ReadonlyMap<string, Approver>;
  readonly env: PolicyEnvironment;
}

function loadPrincipals(
  documents: readonly PolicyDocument[],
  { roles, subjects, approvers, env }: PrincipalContext,
  newReport: () => DiagnosticReport,
): Map<string, Principal> {
  const principals = new Map<string, Principal>();
  for (const document of documents) {
    const report = newReport();
    const whole = document.malformed ? undefined : validate(document, principalsFileSchema, document.value);
    const ofFile = document.flaws.filter((flaw) => flaw.path.length < 2);
    addFlaws([...ofFile, ...(whole && !whole.ok ? whole.flaws : [])], report);
    // If a file cannot be read reliably, none of its principals may log in.
    if (!whole?.ok || report.failure !== undefined) continue;
    for (const [name, value] of Object.entries(whole.value.principals)) {
      const own = newReport();
      const path = ['principals', name];
      addFlaws(
        document.flaws.filter((flaw) => flaw.path[1] === name),
        own,
      );
      const entry = validate(document, principalSchema, value, path);
      if (!entry.ok) {
        addFlaws(entry.flaws, own);
        continue;
      }
      const subjectNames = new Set(subjects.keys());
      const { timeZone, clientCa = true, requireCertificate = 'none' } = env;
      const terms = { timeZone, clientCa, requireCertificate };
      const part = { document, report: own, roles, subjects: subjectNames, approvers, ...terms };
      const principal = compilePrincipal(name, entry.value, part);
      const before = principals.get(name);
      if (before) own.error(document.place(path), `principal "${name}" is defined twice; the first is ${before.rule}`);
      const { failure } = own;
      principals.set(name, { ...principal, ...(failure !== undefined && { disabled: failure }) });
    }
  }
  return principals;
}

function warnOfUnused(
  grants: ReadonlyMap<string, GrantsSource>,
  roles: readonly PolicyDocument[],
  report: DiagnosticReport,
): void {
  const used = new Set(roles.flatMap(({ value }) => (value as { use?: unknown } | null | undefined)?.use ?? []));
  for (const [name, { document }] of grants) {
    if (!used.has(name)) report.warning(document.place([]), 'no role uses this file');
  }
}

/** Reports each flaw as an error at its place. */
export function addFlaws(flaws: readonly Flaw[], report: DiagnosticReport): void {
  for (const { place, message } of flaws) report.error(place, message);
}

/** In an editor's order; a mistake in a grants file is listed once, not once for each role. */
export function diagnosticsInOrder(reports: readonly DiagnosticReport[]): Diagnostic[] {
  const seen = new Map<string, Diagnostic>();
  for (const diagnostic of reports.flatMap((report) => report.diagnostics)) {
    const { file, line, column, message } = diagnostic;
    const key = JSON.stringify([file, line, column, message]);
    if (!seen.has(key)) seen.set(key, diagnostic);
  }
  return [...seen.values()].sort((a, b) => compare(a.file, b.file) || a.line - b.line || a.column - b.column);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Tells each role the data subjects of the database, and which of them its limits count. A limit of one principal makes the whole role count: its
 * principals share judgements.
 */
function withSubjects(
  roles: ReadonlyMap<string, RolePolicy>,
  principals: ReadonlyMap<string, Principal>,
  subjects: ReadonlyMap<string, Subject>,
): Map<string, RolePolicy> {
  if (subjects.size === 0) return new Map(roles);
  const all = [...subjects.values()];
  return new Map(
    [...roles].map(([name, role]) => {
      const own = [...principals.values()].filter((principal) => principal.role === name);
      const limits = [role.limits, role.limitsPerUser, ...(role.during ?? []).map((during) => during.limits)];
      for (const principal of own)
        limits.push(principal.limits, ...(principal.during ?? []).map((during) => during.limits));
      const limitedSubjects = namedBy(limits);
      const boundedSubjects = new Set([...limitedSubjects].filter((subject) => isBounded(role, subject)));
      return [name, { ...role, subjects: all, limitedSubjects, boundedSubjects }];
    }),
  );
}

function namedBy(limits: readonly (Limits | undefined)[]): ReadonlySet<string> {
  return new Set(limits.flatMap((each) => [...(each?.subjects?.keys() ?? []), ...(each?.answers?.keys() ?? [])]));
}

/** By the role's own limits, which `during` may replace. A limit that only warns or throttles bounds nothing. */
function isBounded(role: RolePolicy, subject: string): boolean {
  const refuses = (limits: readonly WindowLimit[] | undefined): boolean =>
    limits?.some(({ effect = role.whenExceeded ?? 'deny' }) => effect === 'deny' || effect === 'lock') === true;
  const during = (role.during ?? []).map(({ limits }) => limits);
  return (['subjects', 'answers'] as const).every((of) => {
    const own = role.limits[of]?.get(subject);
    const other = during.flatMap((limits) => limits[of]?.get(subject) ?? []);
    // Answers without a limit of their own count as people, at every time of `during`.
    if (of === 'answers' && !own) return other.length === 0;
    return refuses(own) && during.every((limits) => !limits[of]?.has(subject) || refuses(limits[of]?.get(subject)));
  });
}
