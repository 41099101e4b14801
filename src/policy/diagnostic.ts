/** What is wrong in a policy file, and where: the one form in which every stage of loading reports. */
import type { RuleRef } from './rule.ts';

/** Line and column count from 1, in characters; `file` is relative to the policies folder. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface Diagnostic extends Place {
  /** `error`: the file, role or principal is not usable as it stands. `warning`: it is, but not wholly as it reads. */
  readonly severity: 'error' | 'warning';
  readonly message: string;
  /** The role that it concerns, where it concerns one. */
  readonly role?: string;
}

/** The beginning of the line that a rule names: for what is found behind loading. */
export function placeOfRule(rule: RuleRef): Place {
  const at = rule.lastIndexOf(':');
  return { file: rule.slice(0, at), line: Number(rule.slice(at + 1)), column: 1 };
}

/** `roles/teacher.yaml:7:3: error: unknown key "colums", did you mean "columns"?` */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { file, line, column, severity, message } = diagnostic;
  return `${file}:${line}:${column}: ${severity}: ${message}`;
}

/** Collects diagnostics of one thing (a file, a role, a principal) and knows whether it may be used. */
export class Report {
  readonly diagnostics: Diagnostic[] = [];

  constructor(private readonly role?: string) {}

  error(place: Place, message: string): void {
    this.add(place, 'error', message);
  }

  warning(place: Place, message: string): void {
    this.add(place, 'warning', message);
  }

  /** The first error as `roles/teacher.yaml:7: message`; undefined where there is none. */
  get failure(): string | undefined {
    const first = this.diagnostics.find((diagnostic) => diagnostic.severity === 'error');
    return first && `${first.file}:${first.line}: ${first.message}`;
  }

  private add({ file, line, column }: Place, severity: Diagnostic['severity'], message: string): void {
    this.diagnostics.push({
      file,
      line,
      column,
      severity,
      message,
      ...(this.role !== undefined && { role: this.role }),
    });
  }
}
