/** What a receiver of alarms gets: a JSON object, or text for Slack, Mattermost and similar; signed. Pure. */
import { createHmac } from 'node:crypto';
import type { Alarm } from '../../core/alarm-sink.ts';

/** A queued alarm. A receiver recognizes a repeated one by its id. */
export interface QueuedAlarm extends Alarm {
  readonly id: string;
  /** ISO 8601 */
  readonly time: string;
  readonly guard: string;
}

export type AlarmFormat = 'rowgate' | 'slack';

export function bodyOf(alarm: QueuedAlarm, format: AlarmFormat): string {
  return JSON.stringify(format === 'slack' ? { text: slackText(alarm) } : alarm);
}

/**
 * `sha256=…`: HMAC-SHA256 of the timestamp (seconds since the epoch), a dot, and the body, with the secret. The timestamp lets the receiver refuse an
 * old message that is sent again.
 */
export function signatureOf(secret: string, timestamp: string, body: string): string {
  return `sha256=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`;
}

function slackText({ guard, text, reason, by, limit, canary, decision, time }: QueuedAlarm): string {
  const details = [
    reason === undefined ? undefined : `reason: ${reason}`,
    by === undefined ? undefined : `by: ${by}`,
    limit && `limit: ${limit.name}, used ${limit.used} of ${limit.of}`,
    canary && `canary: ${canary.hash} (${canary.subject})`,
    decision === undefined ? undefined : `decision: ${decision}`,
    `guard: ${guard}`,
    time,
  ].filter((detail) => detail !== undefined);
  return `*rowgate*: ${escaped(text)}\n${escaped(details.join(' · '))}`;
}

/** Names come from clients: they must not become links or mentions such as @channel. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('@', '@\u200b');
}
