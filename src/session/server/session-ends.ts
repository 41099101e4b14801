/** Why a session ends that neither side has ended. */
import { type Refusal, refusal } from '../../core/refusal.ts';

/** The principal has no policy any more. */
export function noPolicy(): Refusal {
  return refusal('role-disabled', '28000', 'the role of this session is no longer allowed', {
    hint: 'Its policy was removed or disabled. Ask who keeps the policies.',
  });
}

/** The error of a broken protocol (08P01), which ends the session. */
export function brokenProtocol(message: string): Refusal {
  return refusal('internal', '08P01', message);
}
