/** Asks the server about one statement, and reads its plans. */

import type { Sent } from '../session/admission/budget-port.ts';
import type { SessionPolicy } from '../session/ports.ts';
import type { EstimateAccount, Request } from './account.ts';
import type { PlanAnswer } from './connection.ts';
import type { EstimatedStatement } from './estimated.ts';
import type { Explained } from './explained.ts';
import { readPlans } from './plan/plan-node.ts';
import type { GuardedReads, PlanRows } from './plan/plan-rows.ts';
import { rowsOf } from './plan/plan-rows.ts';
import { type PrimaryKey, pointRows } from './plan/point-plan.ts';
import { type AskedWith, askExecute, askGeneric, type Bound, boundTexts, planText } from './question.ts';
import { failsItself, notEstimable, notEstimated, planningFailed } from './refusals.ts';
import { type Shape, shapeOf } from './shape.ts';

/** What a role's plans are read by. */
export interface PlanReading {
  readonly guarded: GuardedReads;
  readonly keyOf: PrimaryKey;
  /** By OID, as SQL can name it; `unknown` if there is none. */
  typeName(oid: number): string;
}

export interface InquiryOptions {
  readonly policy: SessionPolicy;
  readonly sent: Sent;
  readonly reading: PlanReading;
  readonly account: EstimateAccount;
  /** Milliseconds for one plan. */
  readonly timeout: number;
  /** A plan is asked for. */
  asked(): void;
  /** Could not be asked. */
  failed(detail: string): void;
}

/** How the server knows temporary tables of a client's session, which a connection of the guard's own does not see. */
const TEMPORARY = /rowgate_temp_/;

export class Inquiry {
  constructor(private readonly options: InquiryOptions) {}

  /** `varies`: what is read follows from the values, or the server makes no plan without them. */
  async point({ text, parameters }: Shape): Promise<PlanRows | 'varies' | 'not known'> {
    const answer = await this.askForAny(text, parameters);
    if (answer.kind === 'lost') return 'not known';
    const plans = answer.kind === 'plan' ? readPlans(answer.json) : undefined;
    const { guarded, keyOf } = this.options.reading;
    return (plans && pointRows(plans, guarded, keyOf)) ?? 'varies';
  }

  /** With the values that it has. */
  async rows(explained: Exclude<Explained, { kind: 'nothing' | 'unknown' }>): Promise<EstimatedStatement> {
    if (explained.kind === 'prepared') {
      return this.read(await this.ask((c) => askExecute(explained, c.newName(), this.with())), true);
    }
    const { text } = explained;
    const { sent } = this.options;
    const bound = boundOf(sent);
    if (!bound) return this.read(await this.askForAny(text, shapeOf(text).own), false);
    return this.read(await this.ask(() => planText(text, sent.parameterTypes, bound, this.with())), true);
  }

  /** The plan for whatever values. */
  private askForAny(text: string, parameters: number): Promise<PlanAnswer> {
    const { sent, reading } = this.options;
    const types = Array.from({ length: parameters }, (_, i) => reading.typeName(sent.parameterTypes[i] ?? 0));
    return this.ask((c) => askGeneric(text, types, c.newName(), this.with()));
  }

  private with(): AskedWith {
    const { timeout, policy, sent } = this.options;
    const most = Math.max(1, Math.min(timeout, policy.role.limits.statementTimeout ?? timeout));
    return { timeout: Math.ceil(most), ...(sent.settings && { settings: sent.settings }) };
  }

  private ask(ask: Request['ask']): Promise<PlanAnswer> {
    const { account, policy } = this.options;
    this.options.asked();
    return new Promise((answered) => {
      account.request({ principal: policy.principal.name, role: policy.role, ask, answered });
    });
  }

  /** @param seen the plan is of the statement's own values. */
  private read(answer: PlanAnswer, seen: boolean): EstimatedStatement {
    const { policy, sent, reading, failed } = this.options;
    switch (answer.kind) {
      case 'plan': {
        const plans = readPlans(answer.json);
        if (!plans) return { kind: 'refused', refusal: notEstimated() };
        const rows = rowsOf(plans, reading.guarded);
        // A generic plan tells nothing about particular values; a plan that reads nothing needs no values.
        if (!seen && rows.read > 0) return { kind: 'refused', refusal: notEstimable('values') };
        return { kind: 'rows', rows };
      }
      case 'error': {
        const temporary = TEMPORARY.test(sent.text) || TEMPORARY.test(sent.prepare ?? '');
        if (failsItself(answer, temporary || policy.role.temporary !== undefined)) return { kind: 'passes' };
        return { kind: 'refused', refusal: temporary ? notEstimable('temporary') : planningFailed(answer) };
      }
      case 'lost':
        failed(answer.detail);
        return { kind: 'refused', refusal: notEstimated() };
    }
  }
}

function boundOf({ bound, values, parameterTypes, text }: Sent): Bound | undefined {
  if (bound) return bound;
  if (values) return boundTexts(values);
  return parameterTypes.length === 0 && shapeOf(text).own === 0 ? boundTexts([]) : undefined;
}
