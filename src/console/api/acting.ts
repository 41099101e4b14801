/** What an operator may do, over the control socket of a guard. Each is recorded in the decision log under the person's name. */
import { z } from 'zod';
import { name } from './values.ts';

const reason = z.string().trim().min(1).max(500);
const holder = { guard: name, principal: name, user: name.optional() };

/** POST /api/act/lock */
export const lockOrder = z.strictObject({
  ...holder,
  reason,
  /** Without it: until it is released. */
  forMinutes: z.int().min(1).max(44_640).optional(),
});
/** POST /api/act/release */
export const releaseOrder = z.strictObject({ ...holder, reason });
/** What a browser's security key answered, each in base64url. The challenge is what `ssh-keygen -Y sign` would sign. */
const bytes = z.base64url().min(1).max(8_192);
const assertion = z.strictObject({ authenticatorData: bytes, clientDataJSON: bytes, signature: bytes });
/** What approvers sign. */
const signed = z.enum(['permit', 'raise', 'break-glass', 'observation']);
/** POST /api/act/approve: the signature is over `text` of what is approved, as `ssh-keygen -Y sign` makes it (`/api/act/commands`), or a browser. */
export const approveOrder = z.strictObject({
  guard: name,
  what: signed,
  id: name,
  signature: z.union([z.string().min(1).max(16_384), assertion]),
});
/** POST /api/act/refuse: revokes a permit or a raise, closes an opening or ends an observation, requested or in force. */
export const refuseOrder = z.strictObject({ guard: name, what: signed, id: name, reason });

/** What the guard answered, as the command shows it with --json. */
export const acted = z.object({ result: z.unknown() });

/** GET /api/act/commands?guard=&what=&id= */
export const signQuestion = z.object({ guard: name, what: signed, id: name });
/** Two ways to sign, also with a hardware key: sign `text` in request.txt and paste the signature, or run a command on the guard's machine. */
export const signCommands = z.object({ namespace: z.string(), commands: z.array(z.string()) });
