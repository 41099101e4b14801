/** A budget that admits everything and counts nothing, for tests of sessions that are not about budgets. No guard has one. */
import type { Budget } from '../../src/session/admission/budget-port.ts';

export const UNLIMITED: Budget = {
  admit: () => ({ kind: 'admitted' }),
  take: () => ({ kind: 'taken' }),
  event: () => {},
  canary: () => undefined,
  rest: () => {},
};
