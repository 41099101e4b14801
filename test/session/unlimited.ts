/** A budget that admits everything and counts nothing: of sessions in tests that are about something else. No guard has one. */
import type { Budget } from '../../src/session/admission/budget-port.ts';

export const UNLIMITED: Budget = {
  admit: () => ({ kind: 'admitted' }),
  take: () => ({ kind: 'taken' }),
  event: () => {},
  canary: () => undefined,
  rest: () => {},
};
