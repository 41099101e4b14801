/** A record in the form that is sent, no longer than the collector accepts. Pure. */

import { Buffer } from 'node:buffer';
import type { LogRecord } from '../fields.ts';
import { printable } from '../printable.ts';
import { type SyslogSeverity, syslogFrame } from '../sending/syslog-message.ts';
import { ecsEvent } from './ecs.ts';
import { ocsfEvent } from './ocsf/ocsf.ts';
import type { ForwardedRecord } from './source.ts';

export type ForwardForm = 'ocsf' | 'ecs' | 'json';

export interface MessageOptions {
  readonly form: ForwardForm;
  /** The most bytes of a message, with the syslog header. At least 4096: every record fits that after its long fields are shortened. */
  readonly longest: number;
  /** Rowgate's version. */
  readonly version: string;
  /** This machine's name. */
  readonly host: string;
}

/** The fields that can make a record long, in the order in which they are shortened, and what remains of each. */
const SHORTENED: readonly (readonly [field: string, shorten: (value: unknown) => unknown])[] = [
  ['columns', firstOf(20)],
  ['subjects', () => undefined],
  ['statement', (value) => (typeof value === 'string' ? `${value.slice(0, 500)}…` : undefined)],
  ['tables', firstOf(10)],
  ['problems', firstOf(2)],
  ['attributes', () => undefined],
];
const KEPT = [
  'time',
  'kind',
  'guard',
  'seq',
  'id',
  'session',
  'principal',
  'role',
  'effect',
  'reason',
  'count',
  'since',
  'status',
  'hash',
];

/** One line of JSON. Shortened fields are named under `shortened`: the log has them in full. */
export function textOf({ record, decision }: ForwardedRecord, options: MessageOptions, room = options.longest): string {
  let shown = record;
  let about = decision;
  const shortened: string[] = [];
  for (const [field, shorten] of SHORTENED) {
    const text = formed(shown, about, options);
    if (Buffer.byteLength(text) <= room) return text;
    if (shown[field] === undefined && about?.[field] === undefined) continue;
    shortened.push(field);
    shown = { ...shown, ...(shown[field] !== undefined && { [field]: shorten(shown[field]) }), shortened };
    about = about && { ...about, [field]: shorten(about[field]) };
  }
  const text = formed(shown, about, options);
  if (Buffer.byteLength(text) <= room) return text;
  const kept = Object.fromEntries(KEPT.filter((name) => name in record).map((name) => [name, clipped(record[name])]));
  return formed({ ...kept, shortened: ['all'] }, undefined, options);
}

/** The same as a syslog message. */
export function syslogOf(entry: ForwardedRecord, options: MessageOptions): Buffer {
  const { time, kind, guard, seq, id } = entry.record;
  const data = { guard: String(guard), seq: String(seq), ...(typeof id === 'string' && { id }) };
  const message = {
    time: String(time),
    severity: severityOf(entry.record),
    host: options.host,
    id: String(kind),
    data,
  };
  const header = syslogFrame({ ...message, text: '' }).length;
  return syslogFrame({ ...message, text: textOf(entry, options, options.longest - header) });
}

function formed(record: LogRecord, decision: LogRecord | undefined, { form, version }: MessageOptions): string {
  switch (form) {
    case 'json':
      return printable(JSON.stringify(record));
    case 'ocsf':
      return printable(JSON.stringify(ocsfEvent(record, decision, version)));
    case 'ecs':
      return printable(JSON.stringify(ecsEvent(record, decision)));
  }
}

function severityOf({ kind, effect, status, problems }: LogRecord): SyslogSeverity {
  if (kind === 'canary' || kind === 'lock' || kind === 'break-glass' || kind === 'observe') return 'alert';
  if (effect === 'refuse' || effect === 'lock' || status === 'cut' || status === 'refused') return 'warning';
  if (kind === 'login-refused' || kind === 'warning' || problems !== undefined) return 'warning';
  return kind === 'decision' || kind === 'outcome' || kind === 'seen' ? 'informational' : 'notice';
}

function firstOf(count: number) {
  return (value: unknown): unknown => (Array.isArray(value) ? value.slice(0, count).map(clipped) : undefined);
}

function clipped(value: unknown): unknown {
  return typeof value === 'string' && value.length > 200 ? `${value.slice(0, 200)}…` : value;
}
