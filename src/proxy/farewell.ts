/** The last message to a client that gets no session. */
import type { Socket } from 'node:net';
import { errorResponse } from '../wire/error-response.ts';
import type { LoginRefusal } from './login/login-refusal.ts';

/** How long a refused client may take to read why. */
export const FAREWELL_MS = 2_000;

/** Says why, and reads on for a moment: a socket closed with unread input is reset, and the answer lost with it. */
export function endWith(socket: Socket, refusal: LoginRefusal): void {
  const fields = new Map([
    ['S', 'FATAL'],
    ['V', 'FATAL'],
    ['C', refusal.sqlstate],
    ['M', refusal.message.replaceAll('\0', '')],
  ]);
  if (refusal.detail !== undefined) fields.set('D', refusal.detail);
  if (refusal.hint !== undefined) fields.set('H', refusal.hint);
  socket.end(errorResponse(fields));
  socket.removeAllListeners('readable');
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), FAREWELL_MS);
  socket.once('close', () => clearTimeout(timer));
}
