/** One syslog message (RFC 5424) in its frame, which begins with the message's length (RFC 6587, 3.4.1; RFC 5425, 4.3). Pure. */
import { Buffer } from 'node:buffer';

/** RFC 5424, 6.2.1. */
export type SyslogSeverity = 'alert' | 'error' | 'warning' | 'notice' | 'informational';

export interface SyslogMessage {
  /** ISO 8601 time of the event. */
  readonly time: string;
  readonly severity: SyslogSeverity;
  readonly host: string;
  /** The kind of message: `decision`. */
  readonly id: string;
  /** The structured data, by name. */
  readonly data: Readonly<Record<string, string>>;
  /** One line. */
  readonly text: string;
}

/** "log audit" in RFC 5424's table. */
const FACILITY = 13;
const SEVERITIES: Readonly<Record<SyslogSeverity, number>> = {
  alert: 1,
  error: 3,
  warning: 4,
  notice: 5,
  informational: 6,
};
/** The number after the `@` is reserved for documentation (RFC 5612), as Rowgate has none of its own. */
const DATA_NAME = 'rowgate@32473';
const LONGEST_HOST = 255;
const LONGEST_ID = 32;

/** RFC 5424, framed by its length in bytes (RFC 6587, section 3.4.1). */
export function syslogFrame({ time, severity, host, id, data, text }: SyslogMessage): Buffer {
  const priority = FACILITY * 8 + SEVERITIES[severity];
  const header = `<${priority}>1 ${time} ${word(host, LONGEST_HOST)} rowgate - ${word(id, LONGEST_ID)}`;
  const parameters = Object.entries(data).map(([name, value]) => ` ${name}="${escaped(value)}"`);
  const message = Buffer.from(`${header} [${DATA_NAME}${parameters.join('')}] ${text}`);
  return Buffer.concat([Buffer.from(`${message.length} `), message]);
}

/** Visible ASCII; `-` if nothing is left. */
function word(value: string, longest: number): string {
  return value.replace(/[^\x21-\x7e]/g, '_').slice(0, longest) || '-';
}

/** RFC 5424, 6.3.3. */
function escaped(value: string): string {
  return value.replace(/["\\\]]/g, (character) => `\\${character}`);
}
