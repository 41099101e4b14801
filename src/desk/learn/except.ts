/** `--except KEY=VALUE`: principals or times whose statements are not learned from. */
import { BlockList, isIP } from 'node:net';
import type { LogRecord } from '../../decision-log/fields.ts';
import { readTime, type TimeContext } from '../../decision-log/read/times.ts';

export interface LearnException {
  readonly key: 'principal' | 'application' | 'address' | 'period';
  readonly value: string;
  readonly isMeant: (record: LogRecord) => boolean;
}

const EXPECTED = 'expected principal=NAME, application=NAME, address=10.0.0.0/8 or period=FROM..TO';

/** A string says what is wrong with it. */
export function exceptionOf(text: string, now: TimeContext): LearnException | string {
  const [, key, value = ''] = /^([a-z]+)=(.+)$/.exec(text) ?? [];
  switch (key) {
    case 'principal':
    case 'application':
      return { key, value, isMeant: (record) => record[key] === value };
    case 'address': {
      const inside = addresses(value);
      return inside
        ? { key, value, isMeant: ({ client }) => inside(String(client ?? '')) }
        : `${EXPECTED}, found "${text}"`;
    }
    case 'period': {
      const [from, to] = value.split('..');
      const [begin, end] = [readTime(from ?? '', now), readTime(to ?? from ?? '', now, true)];
      if (!('value' in begin) || !('value' in end)) return `${EXPECTED}, found "${text}"`;
      const [first, behind] = [new Date(begin.value).toISOString(), new Date(end.value).toISOString()];
      return { key, value, isMeant: ({ time }) => String(time) >= first && String(time) < behind };
    }
    default:
      return `${EXPECTED}, found "${text}"`;
  }
}

function addresses(value: string): ((client: string) => boolean) | undefined {
  const [address = '', bits] = value.split('/');
  const family = isIP(address);
  if (family === 0) return value === 'local' ? (client) => isIP(hostOf(client)) === 0 : undefined;
  const list = new BlockList();
  const name = family === 4 ? 'ipv4' : 'ipv6';
  const most = family === 4 ? 32 : 128;
  const length = bits === undefined ? most : Number(bits);
  if (!Number.isInteger(length) || length < 0 || length > most) return undefined;
  list.addSubnet(address, length, name);
  return (client) => {
    const host = hostOf(client);
    const of = isIP(host);
    return of !== 0 && list.check(host, of === 4 ? 'ipv4' : 'ipv6');
  };
}

/** `10.12.0.7:50412`, `[::1]:50412` */
function hostOf(client: string): string {
  return client.replace(/:[0-9]+$/, '').replace(/^\[(.*)\]$/, '$1');
}
