/** What an operator does: over the control socket, under the person's name, which the guard records before it does it. */
import { Buffer } from 'node:buffer';
import type { z } from 'zod';
import { BREAK_GLASS_NAMESPACE } from '../../metering/break-glass.ts';
import { OBSERVE_NAMESPACE } from '../../metering/observation.ts';
import { PERMIT_NAMESPACE } from '../../metering/permit.ts';
import { RAISE_NAMESPACE } from '../../metering/raise.ts';
import { armouredBrowserSignature } from '../../pki/ssh-signature.ts';
import { isMadeBy } from '../../pki/webauthn.ts';
import type { approveOrder, signCommands } from '../api/acting.ts';
import type { Ground } from '../ground.ts';
import { askOf } from '../guards.ts';
import { ConsoleProblem } from '../problem.ts';
import type { Handlers } from '../routes.ts';

type Pages = 'lock' | 'release' | 'approve' | 'refuse' | 'signCommands';

const MINUTE_MS = 60_000;
const ENDS = {
  permit: 'permit.revoke',
  raise: 'limits.revoke',
  'break-glass': 'break-glass.close',
  observation: 'observe.end',
} as const;
const NAMESPACES = {
  permit: PERMIT_NAMESPACE,
  raise: RAISE_NAMESPACE,
  'break-glass': BREAK_GLASS_NAMESPACE,
  observation: OBSERVE_NAMESPACE,
} as const;
const COMMANDS = { permit: 'permit', raise: 'limits', 'break-glass': 'break-glass', observation: 'observe' } as const;

export function actingPages(ground: Ground): Pick<Handlers, Pages> {
  const act = async (guard: string, command: string, given: Record<string, unknown>, person: string) => {
    const result = await askOf<unknown>(ground.guard(guard), command, given, person);
    ground.now.forget();
    return { result };
  };
  return {
    lock: ({ question: { guard, forMinutes, ...given }, person }) => {
      const forMs = forMinutes === undefined ? {} : { forMs: forMinutes * MINUTE_MS };
      return act(guard, 'locks.add', { ...given, ...forMs }, person.name);
    },
    release: ({ question: { guard, ...given }, person }) => act(guard, 'locks.release', given, person.name),
    approve: async ({ question: { guard, what, id, signature: given }, person }) => {
      const signature = typeof given === 'string' ? given : await signatureOf(ground, given, NAMESPACES[what]);
      return act(guard, `${COMMANDS[what]}.approve`, { id, signature }, person.name);
    },
    refuse: ({ question: { guard, what, ...given }, person }) => act(guard, ENDS[what], given, person.name),
    signCommands: async ({ question: { guard, what, id } }) => commandsFor(ground, guard, what, id),
  };
}

type Assertion = Exclude<z.output<typeof approveOrder>['signature'], string>;

/** A browser does not say by which key it has signed: it is looked for among the approvers'. Whether that counts, the guard judges. */
async function signatureOf(ground: Ground, given: Assertion, namespace: string): Promise<string> {
  const { policy } = await ground.policies();
  const bytes = (text: string): Buffer => Buffer.from(text, 'base64url');
  const assertion = {
    authenticatorData: bytes(given.authenticatorData),
    clientDataJSON: bytes(given.clientDataJSON),
    signature: bytes(given.signature),
  };
  for (const { key, origin } of policy.approvers?.values() ?? []) {
    if (origin === undefined || !isMadeBy(key, assertion)) continue;
    const signature = armouredBrowserSignature(key, origin, namespace, assertion);
    if (signature !== undefined) return signature;
  }
  throw new ConsoleProblem('refused', 'this key is of no approver who has an "origin" in approvers.yaml');
}

/** The commands for a hardware key: for a copy of the text in `request.txt` on the approver's machine, or one command on the guard's machine. */
function commandsFor(
  ground: Ground,
  guard: string,
  what: keyof typeof COMMANDS,
  id: string,
): z.input<typeof signCommands> {
  if (!/^[0-9A-Za-z]{1,40}$/.test(id)) throw new ConsoleProblem('call', 'id: expected that of a request');
  const { control, isOwn } = ground.guard(guard);
  const where = isOwn ? `--config ${quoted(ground.config.file)}` : `--socket ${quoted(control ?? '')}`;
  return {
    namespace: NAMESPACES[what],
    commands: [
      `ssh-keygen -Y sign -n ${NAMESPACES[what]} -f ~/.ssh/id_ed25519_sk request.txt`,
      `rowgate ${COMMANDS[what]} approve ${id} ${where} --key ~/.ssh/id_ed25519_sk`,
    ],
  };
}

function quoted(path: string): string {
  return `'${path.replaceAll("'", `'\\''`)}'`;
}
