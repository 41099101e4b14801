/** What a receiver of alarms gets: a JSON object, or the text that Slack, Mattermost and their kin show; signed. Pure. */
import { createHmac } from 'node:crypto';
import type { Alarm } from '../../core/alarm-sink.ts';

/** An alarm as it waits: with an id by which a receiver knows one that comes twice. */
export interface QueuedAlarm extends Alarm {
  readonly id: string;
  /** ISO */
  readonly time: string;
  readonly guard: string;
}

export type AlarmFormat = 'rowgate' | 'slack';

export function bodyOf(alarm: QueuedAlarm, format: AlarmFormat): string {
  return JSON.stringify(format === 'slack' ? { text: slackText(alarm) } : alarm);
}

/**
 * `sha256=…`: HMAC-SHA256 of the timestamp (seconds since the epoch), a dot, and the body, under the secret. With the timestamp
 * in it, an old message cannot be sent again.
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

/** Names come from outside: no links, no mention of everybody. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('@', '@\u200b');
}
