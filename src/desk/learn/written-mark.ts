/** The last line of a role's file that Rowgate has written: by it one tells whether somebody has changed the file since. */
import { createHash } from 'node:crypto';

const MARK = /^# written by rowgate, sha256:([0-9a-f]{64})\n$/;

export function withMark(text: string): string {
  return `${text}# written by rowgate, sha256:${hexOf(text)}\n`;
}

/** Nobody has changed it since it was written. */
export function isUnchanged(text: string): boolean {
  const at = text.lastIndexOf('\n', text.length - 2) + 1;
  const hex = MARK.exec(text.slice(at))?.[1];
  return hex !== undefined && hexOf(text.slice(0, at)) === hex;
}

function hexOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
