/** Compiles one principal against its role: attribute values, password verifiers, addresses. A mistake closes this principal only. */
import { Buffer } from 'node:buffer';
import { formatDistinguishedName, parseDistinguishedName } from '../../pki/distinguished-name.ts';
import { parseVerifier, type ScramVerifier, shareChallenge } from '../../protocol/scram-verifier.ts';
import { isAddressBlock } from '../model/address-block.ts';
import { type Limits, OF_SUBJECTS } from '../model/limits.ts';
import type { Principal, RolePolicy } from '../model/policy.ts';
import type { PrincipalEntry } from '../schema/principals-schema.ts';
import { endOfDay } from '../source/calendar.ts';
import type { DiagnosticReport } from '../source/diagnostic.ts';
import type { Path, PolicyDocument } from '../source/document.ts';
import type { RequireCertificate } from '../source/sql-source.ts';
import { suggestion } from '../source/suggestion.ts';
import type { Approver } from './approvers.ts';
import { compileAttributeValue } from './attributes.ts';
import { checkDuring, checkThrottles } from './limit-problems.ts';
import { duringWithRules, withRules } from './limit-rules.ts';
import { checkApprovals } from './signed.ts';
import { compileToken, needsToken } from './tokens.ts';

/** PostgreSQL cuts longer names (NAMEDATALEN), so they cannot be used to log in. */
const MAX_NAME_BYTES = 63;

export interface PrincipalPart {
  readonly document: PolicyDocument;
  readonly report: DiagnosticReport;
  readonly roles: ReadonlyMap<string, RolePolicy>;
  readonly subjects: ReadonlySet<string>;
  readonly timeZone: string;
  /** Whether an authority for client certificates is configured. */
  readonly clientCa: boolean;
  readonly requireCertificate: RequireCertificate;
  readonly approvers: ReadonlyMap<string, Approver>;
}

/** Compiles the principal at `principals.<name>`. Errors are in the report; the caller then disables the principal. */
export function compilePrincipal(name: string, entry: PrincipalEntry, part: PrincipalPart): Principal {
  const { document, report, roles } = part;
  const path = ['principals', name];
  if (Buffer.byteLength(name) > MAX_NAME_BYTES || name.includes('\0')) {
    report.error(document.place(path), `the name is longer than ${MAX_NAME_BYTES} bytes or holds a zero byte`);
  }
  const role = roles.get(entry.role);
  if (!role) {
    const near = suggestion(entry.role, roles.keys());
    report.error(document.placeOfValue([...path, 'role']), `role "${entry.role}" does not exist${near}`);
  }
  const read = role && isRead(role) ? role : undefined;
  const limits: [Path, Limits | undefined][] = [
    [['limits'], entry.limits],
    ...(entry.during ?? []).map(({ limits }, index): [Path, Limits] => [['during', index, 'limits'], limits]),
  ];
  for (const [below, stated] of limits) {
    for (const key of OF_SUBJECTS)
      for (const subject of stated?.[key]?.keys() ?? []) checkSubject(subject, part, [...path, ...below, key]);
  }
  checkDuring(entry.during, document, [...path, 'during'], report);
  if (read) {
    const throttles = read.throttle !== undefined;
    for (const [below, stated] of limits) checkThrottles(stated, throttles, document, [...path, ...below], report);
  }
  if (entry.certificate === undefined) reportMissingCertificate(role, path, part);
  else if (entry.from?.every((block) => block === 'local')) {
    const why = 'no client certificate can be shown by a unix socket: this principal can log in from nowhere';
    report.warning(document.placeOfValue([...path, 'from']), why);
  }
  if (entry.break_glass) checkApprovals(entry.break_glass, [...path, 'break_glass'], document, part.approvers, report);
  // Without tokens there would be no end users, and every client of the account would share what remains.
  if (!entry.token && read && needsToken(read)) {
    report.error(document.place(path), `role "${read.name}" needs "token": it is about the person behind the account`);
  }
  return {
    name,
    role: entry.role,
    attributes: read ? attributeValues(entry, read, path, part) : new Map(),
    ...(entry.mode && { mode: entry.mode }),
    verifiers: verifiers(entry, path, part),
    ...(entry.certificate !== undefined && { certificate: certificate(entry.certificate, path, part) }),
    ...(entry.token && { token: compileToken(entry.token, [...path, 'token'], read, document, report) }),
    from: (entry.from ?? []).map((block, index) => addressBlock(block, [...path, 'from', index], part)),
    ...(entry.break_glass && { breakGlass: entry.break_glass }),
    ...(entry.valid_until !== undefined && { validUntil: endOfDay(entry.valid_until, part.timeZone) }),
    limits: withRules(entry.limits ?? {}, document, [...path, 'limits']),
    ...(entry.during && { during: duringWithRules(entry.during, document, [...path, 'during']) }),
    rule: document.rule(path),
  };
}

function attributeValues(
  entry: PrincipalEntry,
  role: RolePolicy,
  path: Path,
  part: PrincipalPart,
): Map<string, string> {
  const { document, report } = part;
  const values = new Map<string, string>();
  const given = entry.attributes ?? {};
  for (const name of Object.keys(given)) {
    const attribute = role.attributes.get(name);
    const at = [...path, 'attributes', name];
    if (!attribute) {
      const near = suggestion(name, role.attributes.keys());
      report.error(document.place(at), `role "${role.name}" has no attribute "${name}"${near}`);
    } else if (attribute.fromToken) {
      report.error(document.place(at), `attribute "${name}" comes from the token; it cannot be given here`);
    } else {
      const value = compileAttributeValue(attribute, document, at, given[name], report);
      if (value !== undefined) values.set(name, value);
    }
  }
  for (const { name, fromToken } of role.attributes.values()) {
    if (fromToken || Object.hasOwn(given, name)) continue;
    report.error(document.place([...path, 'attributes']), `attribute "${name}" of role "${role.name}" is missing`);
  }
  return values;
}

/** Messages never quote the value of `password`: it may be a password. */
function verifiers(entry: PrincipalEntry, path: Path, part: PrincipalPart): string[] {
  const { document, report } = part;
  const at = [...path, 'password'];
  if (entry.password === undefined) {
    if (entry.certificate === undefined && !entry.token?.login) {
      const expected = 'expected "password" ("rowgate password" makes its verifier), "certificate" or "token.login"';
      report.error(document.place(path), expected);
    }
    return [];
  }
  const texts = Array.isArray(entry.password) ? entry.password : [entry.password];
  let first: ScramVerifier | undefined;
  texts.forEach((text, index) => {
    const place = document.placeOfValue(Array.isArray(entry.password) ? [...at, index] : at);
    const verifier = parseVerifier(text);
    if (!verifier) report.error(place, 'this is not a SCRAM-SHA-256 verifier; "rowgate password" makes one');
    else if (first && !shareChallenge(first, verifier)) {
      report.error(
        place,
        'the verifiers of a list need one salt and iteration count; "rowgate password --like" makes such a one',
      );
    }
    first ??= verifier;
  });
  return texts;
}

/** An unrestricted account that a password alone opens: always a warning, and an error if the configuration says so. */
function reportMissingCertificate(role: RolePolicy | undefined, path: Path, part: PrincipalPart): void {
  const { document, report, requireCertificate } = part;
  const place = document.place(path);
  const isUnrestricted = role?.access === 'unrestricted';
  if (requireCertificate === 'all' || (requireCertificate === 'unrestricted' && isUnrestricted)) {
    report.error(place, `"certificate" is missing, which "require_certificate: ${requireCertificate}" asks for`);
  } else if (isUnrestricted) {
    const why = `role "${role.name}" is unrestricted, and this principal has no "certificate"`;
    report.warning(place, `${why}: every client that knows its password can read everything`);
  }
}

function certificate(text: string, path: Path, { document, report, clientCa }: PrincipalPart): string {
  const place = document.placeOfValue([...path, 'certificate']);
  const subject = /^subject:(.*)$/isu.exec(text)?.[1];
  if (subject !== undefined) {
    // Anyone can make a certificate with any subject: it counts only if an authority has signed it.
    if (!clientCa) report.error(place, 'a subject proves nothing without "tls.client_ca" in the configuration');
    const comment = document.commentBehind([...path, 'certificate']);
    if (comment) report.error(comment, 'YAML reads this as a comment; write the subject in quotes');
    const name = parseDistinguishedName(subject);
    if (name) return `subject:${formatDistinguishedName(name)}`;
    report.error(place, 'expected a subject as "subject:CN=app,O=School" (openssl x509 -subject -nameopt RFC2253)');
    return text;
  }
  const hex = text
    .replace(/^sha256:/i, '')
    .replaceAll(':', '')
    .toLowerCase();
  if (!/^sha256:/i.test(text) || !/^[0-9a-f]{64}$/.test(hex)) {
    report.error(
      place,
      'expected "sha256:" and the 64 hex digits of a certificate’s fingerprint, or "subject:" and a name',
    );
  }
  return `sha256:${hex}`;
}

function addressBlock(block: string, path: Path, part: PrincipalPart): string {
  if (!isAddressBlock(block)) {
    const place = part.document.placeOfValue(path);
    const expected = 'expected an address block such as "10.12.0.0/16" or "::1/128", or "local" for unix sockets';
    part.report.error(place, `${expected}, found "${block}"`);
  }
  return block;
}

function checkSubject(subject: string, part: PrincipalPart, path: Path): void {
  if (part.subjects.has(subject)) return;
  const place = part.document.place([...path, subject]);
  part.report.error(place, `subject "${subject}" does not exist${suggestion(subject, part.subjects)}`);
}

/** False if errors left nothing of the role but its name: its declarations are then unknown. */
function isRead(role: RolePolicy): boolean {
  return role.disabled === undefined || role.attributes.size > 0;
}
