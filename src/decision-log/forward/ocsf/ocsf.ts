/** A record of the log as an event of OCSF. Pure. */
import type { LogRecord, RecordKind } from '../../fields.ts';
import type { OcsfObject } from './event.ts';
import {
  accountEvent,
  baseEvent,
  eventLogEvent,
  findingEvent,
  lifecycleEvent,
  loginEvent,
  observeEvent,
  openingEvent,
  permitEvent,
  policyEvent,
  raiseEvent,
} from './others.ts';
import { decisionEvent, outcomeEvent, seenEvent } from './statements.ts';

type Kind = RecordKind | 'segment' | 'seal' | 'retention';
type ToEvent = (record: LogRecord, version: string, decision: LogRecord | undefined) => OcsfObject;

const BY_KIND: Readonly<Record<Kind, ToEvent>> = {
  decision: decisionEvent,
  outcome: (record, version, decision) => outcomeEvent(record, decision, version),
  seen: (record, version, decision) => seenEvent(record, decision, version),
  login: loginEvent,
  'login-refused': loginEvent,
  policy: policyEvent,
  warning: (record, version) => findingEvent('warning', record, version),
  canary: (record, version) => findingEvent('canary', record, version),
  lock: accountEvent,
  release: accountEvent,
  raise: raiseEvent,
  permit: permitEvent,
  'break-glass': openingEvent,
  observe: observeEvent,
  usage: baseEvent,
  statement: baseEvent,
  catalog: baseEvent,
  'alarms-lost': baseEvent,
  drain: lifecycleEvent,
  start: lifecycleEvent,
  stop: lifecycleEvent,
  segment: eventLogEvent,
  seal: eventLogEvent,
  retention: eventLogEvent,
};

/** `decision`: the one that an outcome belongs to. `version`: of Rowgate. */
export function ocsfEvent(record: LogRecord, decision: LogRecord | undefined, version: string): OcsfObject {
  const kind = String(record.kind);
  const toEvent = Object.hasOwn(BY_KIND, kind) ? BY_KIND[kind as Kind] : baseEvent;
  return toEvent(record, version, decision);
}
