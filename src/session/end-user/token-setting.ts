/**
 * The value of `rowgate.token` in a session, which the server does not have: set, kept and undone as PostgreSQL treats a setting of its own
 * (`src/backend/utils/misc/guc.c`: stacks of values by transaction nesting). Follows the server's answers, in their order. Pure.
 */
import type { StatementKind } from '../../guard/decision.ts';
import type { EndUser } from './end-user.ts';

type Control = Extract<StatementKind, { kind: 'transaction' }>;

/** A token, as text; undefined: none. */
export type TokenText = string | undefined;

interface Values {
  /** Of SET: what is left when the transaction commits. */
  readonly session: TokenText;
  /** Of SET LOCAL: what holds until the transaction ends. */
  readonly local: { readonly token: TokenText } | undefined;
}

export interface SettingChange {
  readonly local: boolean;
  /** `default`: what the session began with. */
  readonly to: { readonly token: TokenText } | 'default';
}

/**
 * What the server will answer to transaction control that ends well. In a failed transaction block COMMIT and PREPARE TRANSACTION roll back.
 * Outside of a block both end the transaction that the message itself is in.
 */
export function expectedTag({ action }: Control, inFailedBlock: boolean): 'COMMIT' | 'ROLLBACK' {
  return action === 'rollback' || inFailedBlock ? 'ROLLBACK' : 'COMMIT';
}

/** The end user for whom a statement runs. */
export interface StatementEndUser {
  readonly person?: EndUser | undefined;
  /** What becomes of the setting once the statement is complete. */
  readonly change?: SettingChange;
}

export class TokenSetting {
  private values: Values;
  /** What a ROLLBACK goes back to. */
  private committed: TokenText;
  /** Open savepoints, outermost first, with the values when they were made. */
  private savepoints: { readonly name: string; readonly values: Values }[] = [];

  /** @param initial of the startup packet, or of the login: what RESET goes back to. */
  constructor(private readonly initial: TokenText) {
    this.values = { session: initial, local: undefined };
    this.committed = initial;
  }

  /** What holds now. */
  get token(): TokenText {
    const { local, session } = this.values;
    return local ? local.token : session;
  }

  /** The same, to try out what a message of several statements does. */
  copy(): TokenSetting {
    const copy = new TokenSetting(this.initial);
    copy.values = this.values;
    copy.committed = this.committed;
    copy.savepoints = [...this.savepoints];
    return copy;
  }

  /** The current value may not be the one after the end of the transaction, or of a part of it. */
  get isMoved(): boolean {
    const { local, session } = this.values;
    return (
      local !== undefined ||
      session !== this.committed ||
      this.savepoints.some(({ values }) => values.session !== session || values.local !== local)
    );
  }

  tokenAfter({ to }: SettingChange): TokenText {
    return to === 'default' ? this.initial : to.token;
  }

  set(change: SettingChange): void {
    const { local } = change;
    const token = this.tokenAfter(change);
    this.values = { session: local ? this.values.session : token, local: local ? { token } : undefined };
  }

  /** Transaction control is complete. @param tag COMMIT of a failed transaction is answered by ROLLBACK. */
  control({ action, savepoint = '' }: Control, tag: string): void {
    switch (action) {
      case 'begin':
        break;
      case 'savepoint':
        this.savepoints.push({ name: savepoint, values: this.values });
        break;
      case 'release':
        this.savepoints.length = Math.max(0, this.indexOf(savepoint));
        break;
      case 'rollback-to':
        this.rollbackTo(this.indexOf(savepoint));
        break;
      case 'commit':
      case 'rollback':
      // As at a commit: settings are the session's, not the transaction's.
      case 'prepared':
        this.ended(tag !== 'ROLLBACK');
        break;
    }
  }

  /** The transaction is over. */
  ended(committed: boolean): void {
    const { session } = this.values;
    if (committed) this.committed = session;
    this.values = { session: this.committed, local: undefined };
    this.savepoints.length = 0;
  }

  /** The savepoint itself stays. One that we do not know is older than all that we do: nothing was set before it. */
  private rollbackTo(at: number): void {
    this.values = this.savepoints[at]?.values ?? { session: this.committed, local: undefined };
    this.savepoints.length = at + 1;
  }

  private indexOf(name: string): number {
    return this.savepoints.findLastIndex((savepoint) => savepoint.name === name);
  }
}
