/** Tests that lists and certificates are read as openssl reads them; other bytes are refused. */
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { certificateId, readRevocationList } from '../../src/pki/revocation-list.ts';
import { type Certificate, type Certificates, makeCertificates } from '../proxy/certificates.ts';
import { type RevokingAuthority, revokingAuthority } from '../proxy/revoking.ts';
import { testWith, tool } from '../support/tools.ts';

const openssl = tool('openssl');

describe('revocation lists', () => {
  let made: Certificates;
  let authority: RevokingAuthority;

  beforeAll(() => {
    made = makeCertificates();
    authority = revokingAuthority(made);
  });
  afterAll(() => rmSync(made.folder, { recursive: true, force: true }));

  const newList = (from?: string, until?: string) => {
    authority.makeList(from && until ? { from: new Date(from), until: new Date(until) } : undefined);
    return authority.der();
  };
  const idOf = ({ cert }: Certificate) => certificateId(new X509Certificate(readFileSync(cert)).raw);

  test('an empty one', () => {
    const list = readRevocationList(newList('2026-01-01', '2026-01-08'));
    expect(list).toEqual({
      issuer: 'cn=test authority',
      thisUpdate: Date.parse('2026-01-01T00:00:00Z'),
      nextUpdate: Date.parse('2026-01-08T00:00:00Z'),
      serials: new Set(),
    });
  });

  test('names its certificates, and no others', () => {
    const [taken, kept] = [made.issue('taken', '/CN=taken'), made.issue('kept', '/CN=kept')];
    authority.revoke(taken.cert);
    const list = readRevocationList(newList());
    expect(list?.serials.size).toBe(1);
    expect(idOf(taken)?.issuer).toBe(list?.issuer);
    expect(list?.serials.has(idOf(taken)?.serial ?? '')).toBe(true);
    expect(list?.serials.has(idOf(kept)?.serial ?? '')).toBe(false);
  });

  testWith(openssl)('which openssl reads alike', () => {
    authority.revoke(made.issue('another', '/CN=another').cert);
    const { serials } = readRevocationList(newList()) ?? {};
    const args = ['crl', '-in', authority.list, '-noout', '-text'];
    const text = execFileSync(openssl.path ?? '', args, { encoding: 'utf8' });
    const theirs = [...text.matchAll(/Serial Number: ([0-9A-F]+)/g)].map(([, serial = '']) => serial.toLowerCase());
    expect(theirs.length).toBeGreaterThan(0);
    expect([...(serials ?? [])].map((serial) => serial.replace(/^00/, '')).sort()).toEqual(theirs.sort());
  });

  test('times of the next century, and of the last', () => {
    const list = readRevocationList(newList('1999-01-01', '2101-01-01'));
    expect(list?.thisUpdate).toBe(Date.parse('1999-01-01T00:00:00Z'));
    expect(list?.nextUpdate).toBe(Date.parse('2101-01-01T00:00:00Z'));
  });

  test('an authority is the same under another string type, case and spaces', () => {
    made.selfSign('shouting', '/CN=TEST  authority');
    const one = made.issue('of-shouting', '/CN=one', { by: 'shouting' });
    expect(idOf(one)?.issuer).toBe('cn=test authority');
  });

  test('any byte changed or cut: read or not, never thrown', () => {
    const whole = newList();
    for (const read of [readRevocationList, certificateId]) {
      for (let at = 0; at < whole.length; at++) {
        const changed = Buffer.from(whole);
        changed[at] = (changed[at] ?? 0) ^ 0x81;
        expect(() => read(changed)).not.toThrow();
        expect(() => read(whole.subarray(0, at))).not.toThrow();
      }
    }
    expect(readRevocationList(new X509Certificate(readFileSync(made.ca)).raw)).toBeUndefined();
    expect(certificateId(Buffer.alloc(0))).toBeUndefined();
  });
});
