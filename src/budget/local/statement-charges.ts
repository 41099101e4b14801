/** What was set aside for one statement, by payer and subject, until it ends. */

import { Charge } from '../../metering/charge.ts';
import type { Lease } from '../../metering/lease.ts';
import type { Leases } from '../../metering/leases.ts';
import type { Owner } from '../../metering/measure.ts';
import type { Charges, Settlement } from '../../session/admission/budget-port.ts';

interface Payment {
  readonly payer: Owner;
  readonly subject: string;
  readonly charge: Charge;
}

/** As soon as a person who is shown again is reported again. */
const OLD_MS = 1_000;

export class StatementCharges implements Charges {
  private readonly payments: Payment[] = [];
  private paidAt: number;

  constructor(private readonly leases: Leases) {
    this.paidAt = leases.now;
  }

  get isOld(): boolean {
    return this.leases.now - this.paidAt >= OLD_MS;
  }

  renew(tells: 'row' | 'end'): void {
    const { now } = this.leases;
    if (this.isOld) this.paidAt = now;
    for (const { charge } of this.payments) if (charge.isPast(tells, now)) charge.pay(tells, charge.lease);
  }

  isPast(subject: string, tells: 'row' | 'end'): boolean {
    return this.payments.some((one) => one.subject === subject && one.charge.isPast(tells, this.leases.now));
  }

  /** @param lease to set a place aside from. */
  add(payer: Owner, subject: string, lease: Lease, kept: boolean): Charge {
    const charge = new Charge(lease, kept);
    this.payments.push({ payer, subject, charge });
    return charge;
  }

  of(payer: Owner, subject: string): Charge | undefined {
    for (const payment of this.payments)
      if (payment.payer === payer && payment.subject === subject) return payment.charge;
    return undefined;
  }

  settle(how: (subject: string) => Settlement): readonly string[] | undefined {
    if (this.payments.length === 0) return undefined;
    const kept = new Set<string>();
    for (const { charge, subject } of this.payments) {
      if (!charge.isSetAside) continue;
      const settlement = how(subject);
      // INVARIANT 71: the price of an answer is what it showed, but at least one; an error costs one more.
      if (settlement === 'free' || (settlement === 'answered' && charge.total > 0)) this.leases.free(charge);
      else {
        if (settlement !== 'failed') this.leases.freeSecond(charge);
        charge.keep();
        if (settlement === 'failed' || charge.total === 0) kept.add(subject);
      }
    }
    return [...kept];
  }
}
