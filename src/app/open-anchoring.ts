/** Where the head of the decision log is kept elsewhere, as `log.anchor` says it. */
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { Anchoring } from '../decision-log/anchors/anchoring.ts';
import { sendAnchor } from '../decision-log/anchors/send.ts';
import type { DecisionLog } from '../decision-log/writer/log.ts';

/** Undefined where it is kept nowhere. Each process does it for the log that it writes. */
export function openAnchoring({ log: { anchor } }: Config, log: Logger, records: DecisionLog): Anchoring | undefined {
  if (!anchor) return undefined;
  const { to, ca, everyMs } = anchor;
  const anchoring = new Anchoring({
    everyMs,
    send: (seal, signal) => sendAnchor({ ...to, ...(ca !== undefined && { ca }) }, seal, signal),
    lost: (error) => log.error({ err: error }, 'anchors of the decision log do not arrive'),
    found: () => log.info('anchors of the decision log arrive again'),
  });
  records.onSeal((seal) => anchoring.offer(seal));
  return anchoring;
}
