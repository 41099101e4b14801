/** What earlier statements of a message have done to names, for the later ones: not yet in the session's books. */
import type { StatementJudgement, StatementKind } from '../../guard/decision.ts';
import type { Usage } from '../admission/statement-meter.ts';
import type { Portal } from '../state/prepared.ts';

/** Each statement is looked up after those before it were applied. */
export class NamesOfMessage {
  private readonly prepared = new Map<string, StatementJudgement | undefined>();
  /** Open ones that the message has declared. */
  private readonly cursors = new Map<string, Cursor>();
  /** Names of cursors that it has closed, and not declared again. */
  private readonly closed = new Set<string>();
  private noStatements = false;
  private noCursors = false;
  /** Transaction control came: what it has left of the cursors before it. */
  private left: 'all' | 'held' | 'kept' | 'not known' = 'all';

  /** What the message has made of the name; `unknown`: nothing. */
  statement(name: string): StatementJudgement | 'none' | 'unknown' {
    if (this.prepared.has(name)) return this.prepared.get(name) ?? 'none';
    return this.noStatements ? 'none' : 'unknown';
  }

  /** @param before what the name meant before the message. */
  cursor(name: string, before: Portal | undefined): Cursor | 'none' | 'unknown' | 'not known' {
    const declared = this.cursors.get(name);
    if (declared) return declared;
    if (this.noCursors || this.closed.has(name)) return 'none';
    if (before === undefined || this.left === 'all') return 'unknown';
    if (this.left === 'not known') return before.kept ? 'unknown' : 'not known';
    return before.kept || (this.left === 'held' && before.hold) ? 'unknown' : 'none';
  }

  /** @param usage the count to which it adds. */
  apply({ kind }: StatementJudgement, usage: Usage): void {
    if (kind.kind === 'transaction') this.control(kind.action);
    if (kind.kind === 'prepare') this.prepared.set(kind.name, kind.inner);
    if (kind.kind === 'declare') {
      this.cursors.set(kind.name, { statement: kind.inner, usage, hold: kind.hold });
      this.closed.delete(kind.name);
    }
    if (kind.kind === 'deallocate' && kind.name !== undefined) this.prepared.set(kind.name, undefined);
    if (kind.kind === 'close' && kind.name !== undefined) this.close(kind.name);
    if ((kind.kind === 'deallocate' && kind.name === undefined) || (kind.kind === 'discard' && kind.all)) {
      this.prepared.clear();
      this.noStatements = true;
    }
    if ((kind.kind === 'close' && kind.name === undefined) || (kind.kind === 'discard' && kind.all)) {
      this.cursors.clear();
      this.closed.clear();
      this.noCursors = true;
    }
  }

  private close(name: string): void {
    this.cursors.delete(name);
    this.closed.add(name);
  }

  /** Looks at no cursor twice: a message may hold thousands of these, and of cursors. */
  private control(action: Extract<StatementKind, { kind: 'transaction' }>['action']): void {
    switch (action) {
      case 'begin':
      case 'savepoint':
      case 'release':
        return;
      case 'commit':
        for (const [name, { hold }] of this.cursors) if (!hold) this.close(name);
        if (this.left === 'all') this.left = 'held';
        return;
      case 'rollback':
      case 'prepared':
        for (const name of this.cursors.keys()) this.close(name);
        this.left = 'kept';
        return;
      case 'rollback-to':
        for (const name of this.cursors.keys()) this.close(name);
        if (this.left !== 'kept') this.left = 'not known';
        return;
    }
  }
}

/** One that was declared in the message. */
interface Cursor {
  readonly statement: StatementJudgement;
  readonly usage: Usage;
  readonly hold: boolean;
}
