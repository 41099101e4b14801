/** A problem in a policy file, with its position: every stage of loading reports in this form. */
import type { RuleRef } from './rule.ts';

/** Line and column count from 1, in characters; `file` is relative to the policies folder. */
export interface SourcePlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface Diagnostic extends SourcePlace {
  /** `error`: the file, role or principal cannot be used as it is. `warning`: it can, but does not do all that it seems to. */
  readonly severity: 'error' | 'warning';
  /** For an error: it withholds only the relation, column or function that it is about; the role stays open. */
  readonly withholds?: true;
  readonly message: string;
  /** For a warning that was acknowledged in the file: until when (a date), and why. */
  readonly accepted?: { readonly until: string; readonly reason: string };
  /** The role that it concerns, if it concerns one. */
  readonly role?: string;
}

/** The beginning of the line that a rule names: for problems found after loading. */
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

/** Collects the diagnostics of one file, role or principal, and tells whether it may be used. */
export class DiagnosticReport {
  readonly diagnostics: Diagnostic[] = [];

  constructor(private readonly role?: string) {}

  error(place: SourcePlace, message: string): void {
    this.add(place, 'error', message);
  }

  /** The caller leaves out what the message is about, and everything that depends on it. */
  withhold(place: SourcePlace, message: string): void {
    this.add(place, 'error', message, true);
  }

  warning(place: SourcePlace, message: string): void {
    this.add(place, 'warning', message);
  }

  /** The first error that does more than withhold, as `roles/teacher.yaml:7: message`; undefined if there is none. */
  get failure(): string | undefined {
    const first = this.diagnostics.find(({ severity, withholds }) => severity === 'error' && !withholds);
    return first && `${first.file}:${first.line}: ${first.message}`;
  }

  /**
   * Reports on one part separately. If `work` reports an error, only that part is withheld: the result is undefined, and nothing of it may be used.
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
