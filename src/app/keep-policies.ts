/** Keeps the files of each policy that comes into force, beside the decision log. */
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { keepPolicy } from '../decision-log/policies/kept-policies.ts';
import type { PolicyChange } from '../decision-log/record-sink.ts';
import type { PolicyReader } from './policy-reader.ts';

/**
 * What its record says of it. Where it cannot be kept, the policy comes into force all the same: whoever shuts somebody out must not have to wait
 * for a disk.
 */
export function policyKeeper(
  config: Config,
  reader: Pick<PolicyReader, 'filesOf'>,
  log: Logger,
): (policy: string) => Pick<PolicyChange, 'kept' | 'message'> {
  return (policy) => {
    try {
      const kept = keepPolicy(config.log.file, reader.filesOf(policy));
      return kept === undefined ? {} : { kept };
    } catch (error) {
      const why = (error as NodeJS.ErrnoException).code ?? String(error);
      const message = `the policy's files could not be kept beside the log (${why})`;
      log.error({ policy, err: error }, message);
      return { message };
    }
  };
}
