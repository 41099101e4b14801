/** The statements in a log: each distinct statement of each principal once, with its decision and how often it came. */
import type { LogRecord } from '../../decision-log/fields.ts';
import type { KeptStatement } from '../../decision-log/statements/read.ts';

/** Statements that are alike in all that is judged. */
export interface UsedStatement {
  readonly principal: string;
  readonly role: string;
  /** As it was kept, or as the log has it; absent if neither has it. */
  readonly text: string | undefined;
  /** Kept beside the log, if it was. */
  readonly kept: KeptStatement | undefined;
  readonly effect: string;
  /** In observe mode: what would have been done. */
  readonly would: string | undefined;
  readonly reason: string | undefined;
  readonly tables: readonly string[];
  readonly columns: readonly string[];
  /** The hash of the policy by which it was judged, if the log has it. */
  readonly policy: string | undefined;
  count: number;
  /** ISO time of the last one. */
  last: string;
}

export class LoggedUse {
  private readonly byKey = new Map<string, UsedStatement>();
  /** The hash of the kept form, by the policy's hash. */
  readonly kept = new Map<string, string>();
  private first: string | undefined;
  private last: string | undefined;
  /** The policy in force, by guard, where decisions do not say theirs. */
  private readonly inForce = new Map<string, string>();

  /** @param statements those that were kept beside the log. */
  constructor(
    private readonly wants: (principal: string, role: string) => boolean,
    private readonly statements: ReadonlyMap<string, KeptStatement> = new Map(),
  ) {}

  get used(): readonly UsedStatement[] {
    return [...this.byKey.values()];
  }

  get span(): { readonly from: string; readonly to: string } | undefined {
    return this.first === undefined || this.last === undefined ? undefined : { from: this.first, to: this.last };
  }

  add(record: LogRecord): void {
    const { kind, time, guard } = record;
    if (kind === 'policy' && typeof record.to === 'string') {
      if (typeof record.kept === 'string') this.kept.set(record.to, record.kept);
      if (!Array.isArray(record.problems) || record.from !== record.to) this.inForce.set(String(guard), record.to);
    }
    if (kind !== 'decision') return;
    const { principal, role, statement, effect, would, reason } = record;
    if (!this.wants(String(principal), String(role))) return;
    const at = String(time);
    this.first ??= at;
    this.last = at;
    const policy = typeof record.policy === 'string' ? record.policy : this.inForce.get(String(guard));
    const kept = typeof record.kept === 'string' ? this.statements.get(record.kept) : undefined;
    const key = `${principal}\0${policy}\0${kept ? record.kept : statement}\0${effect}\0${would}\0${reason}`;
    const known = this.byKey.get(key);
    if (known) {
      known.count += 1;
      known.last = at;
      return;
    }
    this.byKey.set(key, {
      principal: String(principal),
      role: String(role),
      text: kept?.text ?? textOrNone(statement),
      kept,
      effect: String(effect),
      would: textOrNone(would),
      reason: textOrNone(reason),
      tables: textsOf(record.tables),
      columns: textsOf(record.columns),
      policy,
      count: 1,
      last: at,
    });
  }
}

function textOrNone(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
