/** Where the decision log of a guard is sent, as `log.forward` says it: by the only process, or by the primary for all. */
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { type Forwarding, startForwarding } from '../decision-log/forward/start.ts';
import { orStartError } from './start-error.ts';
import { version } from './version.ts';

export function openForwarding(config: Config, log: Logger): Promise<Forwarding> {
  return orStartError('could not begin to forward the decision log', () => startForwarding(config, version(), log));
}
