/** When portals end: with their transaction, or with a ROLLBACK TO a savepoint older than they are. Those WITH HOLD stay once it has committed. */
import type { StatementKind } from '../../guard/decision.ts';
import type { Names } from './names.ts';
import type { Portal } from './prepared.ts';

type Control = Extract<StatementKind, { kind: 'transaction' }>;

/** Does it end portals? The books can judge later messages only after its answer. */
export function endsPortals({ action }: Control): boolean {
  switch (action) {
    case 'begin':
    case 'savepoint':
    case 'release':
      return false;
    case 'commit':
    case 'rollback':
    case 'rollback-to':
    case 'prepared':
      return true;
  }
}

/**
 * Follows the answers, in their order. Portals that the server may have ended are removed: a function can open another one under a free name, which
 * was not judged.
 */
export class PortalLife {
  /** Open savepoints, outermost first. */
  private savepoints: string[] = [];
  /** The server has failed something since it was last ready: effects outside a transaction block are undone. */
  failed = false;

  constructor(private readonly portals: Names<Portal>) {}

  /** The server has made it. */
  made(portal: Portal): void {
    portal.depth = this.savepoints.length;
  }

  /** Transaction control is complete. @param tag COMMIT of a failed transaction is answered by ROLLBACK. */
  control({ action, savepoint = '' }: Control, tag: string): void {
    switch (action) {
      case 'begin':
        break;
      case 'savepoint':
        this.savepoints.push(savepoint);
        break;
      case 'release':
        this.release(this.savepoints.lastIndexOf(savepoint));
        break;
      case 'rollback-to':
        this.rollbackTo(this.savepoints.lastIndexOf(savepoint));
        break;
      case 'commit':
      case 'rollback':
      case 'prepared':
        this.ended(tag === 'COMMIT');
        break;
    }
  }

  /** Portals that were opened after the savepoint belong to the enclosing one. */
  private release(at: number): void {
    this.savepoints.length = Math.max(0, at);
    if (at < 0) this.ended(false);
    for (const portal of this.portals.values()) portal.depth = Math.min(portal.depth, at);
  }

  /** The savepoint itself stays. Where we do not know it, all is taken to be younger. */
  private rollbackTo(at: number): void {
    this.savepoints.length = at + 1;
    this.portals.drop(({ settled, value }) => settled && value !== undefined && !value.kept && value.depth > at);
  }

  /** The transaction is over. What the server has not confirmed yet was sent after its end. */
  ended(committed: boolean): void {
    this.savepoints.length = 0;
    if (this.portals.size === 0) return;
    this.portals.drop(
      ({ settled, value }) => settled && value !== undefined && !value.kept && !(committed && value.hold),
    );
    for (const portal of this.portals.values()) if (portal.hold) portal.kept = true;
  }

  /** The server is ready. */
  ready(inTransaction: boolean): void {
    if (!inTransaction) this.ended(!this.failed);
    this.failed = false;
  }
}
