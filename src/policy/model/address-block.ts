/** Address blocks, as `from` lists them: `10.12.0.0/16`, `::1/128`, `192.0.2.7`, and `local` for unix sockets. */
import { isIP } from 'node:net';

/** Whether the block is valid. */
export function isAddressBlock(block: string): boolean {
  if (block === 'local') return true;
  const [address = '', prefix, rest] = block.split('/');
  const bits = isIP(address) === 6 ? 128 : 32;
  const isPrefix = prefix === undefined || (/^[0-9]{1,3}$/.test(prefix) && Number(prefix) <= bits);
  return isIP(address) !== 0 && !address.includes('%') && rest === undefined && isPrefix;
}
