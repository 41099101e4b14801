/** The last line of a role's file that Rowgate wrote: its hash tells whether the file was edited since. */
import { hash } from 'node:crypto';

const MARK = /^# written by rowgate, sha256:([0-9a-f]{64})\n$/;

/** The text followed by the mark line. */
export function withMark(text: string): string {
  return `${text}# written by rowgate, sha256:${hash('sha256', text)}\n`;
}

/** The file was not edited since it was written. */
export function isUnchanged(text: string): boolean {
  const at = text.lastIndexOf('\n', text.length - 2) + 1;
  const hex = MARK.exec(text.slice(at))?.[1];
  return hex !== undefined && hash('sha256', text.slice(0, at)) === hex;
}
