/** Which addresses count as one stranger: an IPv4 address, or a /64 of IPv6, which a single host owns as a whole. */
import { isIPv6 } from 'node:net';

/** The address itself, or the first 64 bits of an IPv6 one; whatever else names a peer (a unix socket) stays as it is. */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('::');
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  const all = [...before, ...Array.from({ length: zeros }, () => 0), ...after];
  return `${all
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`;
}

/** An IPv4 tail replaces two groups; it is never in the first four. */
function groups(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => (group.includes('.') ? [0, 0] : [Number.parseInt(group, 16)]));
}
