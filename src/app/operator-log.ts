/** The log for operators: one JSON object a line on standard error. Decisions are in the decision log instead. */
import pino, { type Logger } from 'pino';
import { redactTokens } from '../core/redact-tokens.ts';
import { printable } from '../decision-log/printable.ts';

/** `debug`: each session's beginning and end, and connections that did not speak the protocol. */
export function operatorLog(level: 'error' | 'warn' | 'info' | 'debug'): Logger {
  const errors = pino.destination({ dest: 2, sync: true });
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line) => void errors.write(printable(redactTokens(line))) },
  );
}
