/** What is wrong in a policy file, and where: the one form in which every stage of loading reports. */
import type { RuleRef } from './rule.ts';

/** Line and column count from 1, in characters; `file` is relative to the policies folder. */
export interface SourcePlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface Diagnostic extends SourcePlace {
  /** `error`: the file, role or principal is not usable as it stands. `warning`: it is, but not wholly as it reads. */
  readonly severity: 'error' | 'warning';
  /** Of an error: it withholds the one relation, column or function that it is about; the role stays open without it. */
  readonly withholds?: true;
  readonly message: string;
  /** Of a warning that was acknowledged where it stands: until when (a date), and why. */
  readonly accepted?: { readonly until: string; readonly reason: string };
  /** The role that it concerns, where it concerns one. */
  readonly role?: string;
}

/** The beginning of the line that a rule names: for what is found behind loading. */
export function placeOfRule(rule: RuleRef): SourcePlace {
  const at = rule.lastIndexOf(':');
  return { file: rule.slice(0, at), line: Number(rule.slice(at + 1)), column: 1 };
}

/** `roles/teacher.yaml:7:3: error: unknown key "colums", did you mean "columns"?` */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { file, line, column, severity, message, accepted } = diagnostic;
  const acknowledged = accepted ? ` (accepted until ${accepted.until}: ${accepted.reason})` : '';
  return `${file}:${line}:${column}: ${severity}: ${message}${acknowledged}`;
}

/** Collects diagnostics of one thing (a file, a role, a principal) and knows whether it may be used. */
export class DiagnosticReport {
  readonly diagnostics: Diagnostic[] = [];

  constructor(private readonly role?: string) {}

  error(place: SourcePlace, message: string): void {
    this.add(place, 'error', message);
  }

  /** The caller leaves out what the message is about, and whatever depends on it. */
  withhold(place: SourcePlace, message: string): void {
    this.add(place, 'error', message, true);
  }

  warning(place: SourcePlace, message: string): void {
    this.add(place, 'warning', message);
  }

  /** The first error that does more than withhold, as `roles/teacher.yaml:7: message`; undefined where there is none. */
  get failure(): string | undefined {
    const first = this.diagnostics.find(({ severity, withholds }) => severity === 'error' && !withholds);
    return first && `${first.file}:${first.line}: ${first.message}`;
  }

  /**
   * Reports on one part by itself. Where the part has an error, `work` has made nothing that may be used: the part alone is withheld, and
   * what is returned is undefined.
   */
  ofPart<T>(work: (part: DiagnosticReport) => T): T | undefined {
    const part = new DiagnosticReport(this.role);
    const made = work(part);
    for (const found of part.diagnostics) {
      this.diagnostics.push(found.severity === 'error' ? { ...found, withholds: true } : found);
    }
    return part.failure === undefined ? made : undefined;
  }

  private add(
    { file, line, column }: SourcePlace,
    severity: Diagnostic['severity'],
    message: string,
    withholds?: true,
  ): void {
    this.diagnostics.push({
      file,
      line,
      column,
      severity,
      message,
      ...(withholds && { withholds }),
      ...(this.role !== undefined && { role: this.role }),
    });
  }
}
