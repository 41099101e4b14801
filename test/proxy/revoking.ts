/** An authority that takes certificates back: openssl's own little database of what was issued, and the lists made of it. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Certificates } from './certificates.ts';
import { openssl } from './certificates.ts';

export interface ListDates {
  /** As openssl's -crl_lastupdate and -crl_nextupdate; default: from now, for a day. */
  readonly last?: string;
  readonly next?: string;
}

export interface RevokingAuthority {
  /** Absolute path of the newest list. */
  readonly list: string;
  /** Takes the certificate in that file back; it stands in lists made from then on. */
  revoke(cert: string): void;
  /** Writes the list anew. */
  makeList(dates?: ListDates): void;
}

/** `name`: of files `NAME.crt` and `NAME.key` in the folder, an authority's. Its list is empty at first. */
export function revokingAuthority({ folder }: Pick<Certificates, 'folder'>, name = 'ca'): RevokingAuthority {
  const list = join(folder, `${name}.crl`);
  writeFileSync(join(folder, `${name}.txt`), '');
  writeFileSync(join(folder, `${name}.crlnumber`), '01\n');
  const settings = [
    '[ca]',
    'default_ca = authority',
    '[authority]',
    `database = ${name}.txt`,
    `crlnumber = ${name}.crlnumber`,
    `certificate = ${name}.crt`,
    `private_key = ${name}.key`,
    'default_md = sha256',
    'default_crl_days = 1',
  ];
  writeFileSync(join(folder, `${name}.cnf`), `${settings.join('\n')}\n`);
  const run = (...args: string[]) =>
    execFileSync(openssl ?? 'openssl', ['ca', '-config', `${name}.cnf`, ...args], { cwd: folder, stdio: 'ignore' });
  const authority: RevokingAuthority = {
    list,
    revoke: (cert) => void run('-revoke', cert),
    makeList: ({ last, next } = {}) => {
      const dates = [...(last ? ['-crl_lastupdate', last] : []), ...(next ? ['-crl_nextupdate', next] : [])];
      run('-gencrl', '-out', list, ...dates);
    },
  };
  authority.makeList();
  return authority;
}
