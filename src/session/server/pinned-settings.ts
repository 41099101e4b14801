/**
 * The settings of the server's session that Rowgate relies on, watched while it runs: users' code (functions, triggers, rules) can change them behind
 * a judged statement. After each statement that may have run such code, the server is sent an assertion, which fails if a setting differs.
 * INVARIANT 26: nothing that was sent after it then runs: either it is in the same batch, whose rest the server drops, or it is only sent after the answer.
 */
import { type Refusal, refusal } from '../../core/refusal.ts';
import { isGuarded } from '../../policy/model/is-guarded.ts';
import { bind } from '../../protocol/bind.ts';
import { close } from '../../protocol/describe.ts';
import type { ErrorFields } from '../../protocol/error-response.ts';
import { execute } from '../../protocol/execute.ts';
import { parse } from '../../protocol/parse.ts';
import type { TransactionStatus } from '../../protocol/ready-for-query.ts';
import { sync } from '../../protocol/simple-frontend.ts';
import type { TokenSetting } from '../end-user/token-setting.ts';
import type { SessionPorts } from '../ports.ts';
import type { PendingReply } from '../state/pending-replies.ts';
import { privateName } from '../state/private-name.ts';

/** How the error of an assertion is known: invalid_text_representation. */
const FAILED = '22P02';
/** query_canceled: it says nothing of the settings. */
const CANCELED = '57014';
/** in_failed_sql_transaction */
const IN_FAILED = '25P02';

/** What must be known of the session. */
interface Watched {
  readonly ports: SessionPorts;
  readonly path: TokenSetting;
  /** Number of the batch that is being sent. */
  readonly batch: number;
  send(bytes: Uint8Array, pending: PendingReply): void;
  end(last: Refusal): void;
}

export class PinWatch {
  /** The batch in which users' code may have run, until the server is ready after it. */
  private ranIn: number | undefined;
  /** No assertion follows that code in its batch. */
  private unasserted = false;
  /** Such code has run in the transaction: at its end triggers may run that were put off. */
  mayRunAtEnd = false;
  /** An assertion in a batch of its own: it is to be sent, to be answered, or was cancelled and its batch has not ended. */
  private own: 'owed' | 'asked' | 'canceled' | undefined;
  /** A cancel that struck what the guard has sent by itself, and made the client's transaction fail: the client is still to be told. */
  private untold: ErrorFields | undefined;

  constructor(private readonly c: Watched) {}

  /** A statement was sent in which such code may run. */
  ran(batch: number): void {
    if (!this.watches()) return;
    this.mayRunAtEnd = true;
    this.owe(batch);
  }

  /** A COMMIT was sent in a batch of extended messages. */
  commits(batch: number): void {
    if (this.mayRunAtEnd) this.owe(batch);
  }

  private owe(batch: number): void {
    this.ranIn = batch;
    this.unasserted = true;
  }

  /** After the end of a batch in which such code ran, nothing is sent before the settings are known to hold. */
  get blocks(): boolean {
    return this.own !== undefined || (this.ranIn !== undefined && this.ranIn < this.c.batch);
  }

  /** Another message of the batch is to be sent. */
  assertInBatch(): void {
    if (!this.unasserted) return;
    this.unasserted = false;
    this.send();
  }

  /** The server is ready after a batch. */
  ready(batch: number, status: TransactionStatus): void {
    // The code runs in a batch that was sent later: an assertion of this one would end the watch too early.
    if (this.ranIn !== undefined && this.ranIn > batch) return;
    const { unasserted } = this;
    this.ranIn = undefined;
    this.unasserted = false;
    if (status !== 'E') this.untold = undefined;
    // A failed transaction has undone its settings, and nothing can be asked in it.
    if (status === 'E') return;
    if (unasserted || (status === 'I' && this.mayRunAtEnd)) this.own = 'owed';
    if (status === 'I') this.mayRunAtEnd = false;
  }

  /** @returns whether what else is owed to the server must wait. */
  pay(): boolean {
    if (this.own !== 'owed') return this.own !== undefined;
    const { c } = this;
    this.own = 'asked';
    this.send();
    c.send(sync(), { kind: 'sync', batch: c.batch, own: true, mustFail: false, assertion: true });
    return true;
  }

  /** The server is ready after an assertion in a batch of its own. */
  answered(status: TransactionStatus): void {
    if (this.own === 'canceled' && status !== 'E') {
      this.untold = undefined;
      this.own = 'owed';
    } else this.own = undefined;
  }

  /** The server's error to a message that was to restore a transaction: it has failed for good. */
  notUndone(fields: ErrorFields): void {
    this.untold = fields;
  }

  /** The error that the client gets: the first one after a cancel that it has not seen says why its transaction has failed. */
  told(fields: ErrorFields): ErrorFields {
    if (!this.untold || fields.get('C') !== IN_FAILED) return fields;
    const { untold } = this;
    this.untold = undefined;
    return untold;
  }

  /** The server's error to an assertion. @returns whether the client sees it, as that of its own batch. */
  failed(batch: number, fields: ErrorFields): boolean {
    if (fields.get('C') === CANCELED) {
      if (this.own) {
        this.own = 'canceled';
        this.untold = fields;
      } else this.owe(batch);
      return this.own === undefined;
    }
    const names = fields.get('C') === FAILED ? (this.c.ports.pins?.namesIn(fields.get('M') ?? '') ?? []) : [];
    this.end(names);
    return false;
  }

  /** The server reports a setting. */
  reported(name: string, value: string): void {
    if (this.watches() && this.c.ports.pins?.differs(name, value, this.c.path.token)) this.end([name]);
  }

  private end(names: readonly string[]): void {
    const { c } = this;
    c.ports.pinsChanged?.(names);
    c.end(pinsChanged(names));
  }

  private watches(): boolean {
    const { pins, policy } = this.c.ports;
    const now = pins && policy();
    return now !== undefined && isGuarded(now.role);
  }

  private send(): void {
    const { c } = this;
    const name = privateName(c.ports.newId());
    const sent = { batch: c.batch, own: true, assertion: true } as const;
    const noValues = { formats: [], values: new Uint8Array(0), valueCount: 0, resultFormats: [] };
    const text = c.ports.pins!.assertion(c.path.token);
    c.send(parse({ name, text, types: [] }), { kind: 'parse', versions: [], ...sent });
    c.send(bind({ portal: name, statement: name, ...noValues }), { kind: 'bind', versions: [], ...sent });
    const asked = { kind: 'execute', portal: undefined, run: undefined, maxRows: 0, ...sent } as const;
    c.send(execute({ portal: name, maxRows: 0 }), asked);
    for (const of of ['portal', 'statement'] as const)
      c.send(close({ of, name }), { kind: 'close', versions: [], ...sent });
  }
}

function pinsChanged(names: readonly string[]): Refusal {
  const which = names.map((name) => `"${name}"`).join(', ');
  return refusal('setting-not-allowed', '55000', `settings of the session were changed${which && `: ${which}`}`, {
    detail:
      'A function, trigger or rule that ran in it has changed what statements mean, or the rights that they run with.',
    hint: 'In a function, SET in its definition holds to its end alone.',
  });
}
