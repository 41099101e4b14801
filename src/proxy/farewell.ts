/** The last message to a client that gets no session. */
import type { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { errorResponse } from '../wire/error-response.ts';
import type { LoginRefusal } from './login/login-refusal.ts';

/** How long a refused client may take to read why. */
export const FAREWELL_MS = 2_000;

/** Says why, or nothing, and reads on for a moment: a socket closed with unread input is reset, and the answer lost with it. */
export function endWith(socket: Socket, refusal: LoginRefusal | undefined): void {
  if (refusal) socket.end(farewell(refusal));
  else socket.end();
  socket.removeAllListeners('readable');
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), FAREWELL_MS);
  socket.once('close', () => clearTimeout(timer));
}

function farewell(refusal: LoginRefusal): Buffer {
  const fields = new Map([
    ['S', 'FATAL'],
    ['V', 'FATAL'],
    ['C', refusal.sqlstate],
    ['M', refusal.message.replaceAll('\0', '')],
  ]);
  if (refusal.detail !== undefined) fields.set('D', refusal.detail);
  if (refusal.hint !== undefined) fields.set('H', refusal.hint);
  return errorResponse(fields);
}
