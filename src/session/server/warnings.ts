/** Warnings for the client: shown between two messages, never inside of one. */
import { noticeResponse } from '../../protocol/error-response.ts';
import type { Warning } from '../admission/budget-port.ts';
import type { Outbox } from '../state/outbox.ts';

export class ClientWarnings {
  private waiting: Uint8Array[] = [];

  add(warnings: readonly Warning[]): void {
    for (const warning of warnings) this.waiting.push(noticeOf(warning));
  }

  /** The client is between two messages. */
  release(toClient: Outbox): void {
    if (this.waiting.length === 0) return;
    for (const notice of this.waiting) toClient.add(notice);
    this.waiting = [];
  }
}

function noticeOf({ message, detail, hint }: Warning): Uint8Array {
  const fields = new Map([
    ['S', 'WARNING'],
    ['V', 'WARNING'],
    ['C', '01000'],
    ['M', message],
  ]);
  if (detail !== undefined) fields.set('D', detail);
  if (hint !== undefined) fields.set('H', hint);
  return noticeResponse(fields);
}
