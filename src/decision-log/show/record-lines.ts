/** A record as a line for people. */
import { shownTime, wallTime } from '../../policy/source/calendar.ts';
import type { LogRecord } from '../fields.ts';
import { bytesText, countText } from '../reports/report.ts';
import { visible } from './visible.ts';

const TIME = 23;
const KIND = 13;
const EFFECT = 9;
const SHORTEST_NAME = 12;
const LONGEST_NAME = 32;

export class RecordLines {
  private name = SHORTEST_NAME;

  /** @param width in characters; longer lines are cut. */
  constructor(
    private readonly timeZone: string,
    private readonly width: number,
  ) {}

  /** The header above the lines. */
  get head(): string {
    const columns = [
      `time (${this.timeZone})`.padEnd(TIME),
      'principal'.padEnd(this.name),
      'kind'.padEnd(KIND),
      'effect',
    ];
    return cut(columns.join(' '), this.width);
  }

  line(record: LogRecord): string {
    const { time, principal, kind } = record;
    const who = cut(visible(String(principal ?? '')), LONGEST_NAME);
    this.name = Math.max(this.name, who.length);
    const at = Date.parse(String(time));
    const shown = Number.isNaN(at)
      ? ''
      : new Date(wallTime(at, this.timeZone)).toISOString().replace('T', ' ').slice(0, -1);
    const effect = record.effect ?? record.status ?? '';
    const columns = [
      shown.padEnd(TIME),
      who.padEnd(this.name),
      visible(String(kind)).padEnd(KIND),
      visible(String(effect)).padEnd(EFFECT),
      said(record, this.timeZone),
    ];
    return cut(columns.join(' ').trimEnd(), this.width);
  }
}

function said(record: LogRecord, timeZone: string): string {
  return visible(record.kind === 'outcome' ? taken(record) : words(record, timeZone));
}

interface Counts {
  readonly people: number;
  readonly questions?: number;
  readonly values?: number;
}

function taken({ rows, bytes, changed, subjects, ms, reason, sqlstate, limit }: LogRecord): string {
  const people = Object.entries((subjects ?? {}) as Record<string, Counts>);
  return [
    countText(Number(rows), 'row'),
    ...(Number(bytes) > 0 ? [bytesText(Number(bytes))] : []),
    ...(Number(changed) > 0 ? [`${changed} changed`] : []),
    ...people.flatMap(([subject, { people: named, questions = 0, values = 0 }]) => [
      countText(named, subject),
      ...(questions > 0 ? [countText(questions, 'question')] : []),
      ...(values > 0 ? [countText(values, 'value')] : []),
    ]),
    `${ms} ms`,
    ...[reasonBeside(reason, limit), limitName(limit), sqlstate].filter((each) => each !== undefined).map(String),
  ].join(', ');
}

const OTHER = [
  'status',
  'count',
  'since',
  'message',
  'by',
  'via',
  'until',
  'from',
  'to',
  'version',
  'client',
  'file',
] as const;

function words(record: LogRecord, timeZone: string): string {
  const { would, reason, rule, statement, command, limit, canary } = record;
  const why = [
    would === undefined ? undefined : `would ${would}`,
    reasonBeside(reason, limit),
    limitName(limit),
    rule,
  ].filter((each) => each !== undefined);
  const what =
    record.kind === 'decision'
      ? (statement ?? command ?? '')
      : OTHER.filter((name) => record[name] !== undefined && !(name === 'status' && record.effect === undefined))
          .map((name) => `${name} ${valueText(record[name], timeZone)}`)
          .join(', ');
  const made = canary === undefined ? [] : [`made-up ${(canary as { subject?: string }).subject}`];
  return [...why.map(String), ...made, String(what)].filter((each) => each !== '').join(', ');
}

function valueText(value: unknown, timeZone: string): string {
  return typeof value === 'string' ? shownTime(value, timeZone) : JSON.stringify(value);
}

/** A lock because of a limit has the limit's name as reason too. */
function reasonBeside(reason: unknown, limit: unknown): unknown {
  return reason === (limit as { name?: string } | undefined)?.name ? undefined : reason;
}

function limitName(limit: unknown): string | undefined {
  const { name, used, of } = (limit ?? {}) as { name?: string; used?: number; of?: number };
  return name === undefined ? undefined : `${name} (${used} of ${of})`;
}

function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text;
}
