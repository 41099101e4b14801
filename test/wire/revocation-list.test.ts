/** Lists and certificates that openssl makes are read as openssl reads them; bytes that are none are none. */
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { certificateId, readRevocationList } from '../../src/wire/revocation-list.ts';
import { type Certificate, type Certificates, makeCertificates, openssl } from '../proxy/certificates.ts';
import { type RevokingAuthority, revokingAuthority } from '../proxy/revoking.ts';

describe.skipIf(!openssl)('revocation lists', () => {
  let made: Certificates;
  let authority: RevokingAuthority;

  beforeAll(() => {
    made = makeCertificates();
    authority = revokingAuthority(made);
  });
  afterAll(() => rmSync(made.folder, { recursive: true, force: true }));

  const derOf = (file: string) =>
    Buffer.from(readFileSync(file, 'latin1').replace(/-----[^-]+-----|\s/g, ''), 'base64');
  const newList = (dates = {}) => {
    authority.makeList(dates);
    return derOf(authority.list);
  };
  const idOf = ({ cert }: Certificate) => certificateId(new X509Certificate(readFileSync(cert)).raw);

  test('an empty one', () => {
    const list = readRevocationList(newList({ last: '20260101000000Z', next: '20260108000000Z' }));
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
    const text = execFileSync(openssl ?? '', ['crl', '-in', authority.list, '-noout', '-text'], { encoding: 'utf8' });
    const serials = [...text.matchAll(/Serial Number: ([0-9A-F]+)/g)].map(([, serial = '']) => serial.toLowerCase());
    expect(serials).toHaveLength(1);
    expect([...(list?.serials ?? [])].map((serial) => serial.replace(/^00/, ''))).toEqual(serials);
    expect(idOf(taken)?.issuer).toBe(list?.issuer);
    expect(list?.serials.has(idOf(taken)?.serial ?? '')).toBe(true);
    expect(list?.serials.has(idOf(kept)?.serial ?? '')).toBe(false);
  });

  test('times of the next century, and of the last', () => {
    const list = readRevocationList(newList({ last: '19990101000000Z', next: '21010101000000Z' }));
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
