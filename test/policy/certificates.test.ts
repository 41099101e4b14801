/** What `certificate` and `from` of a principal may say, in which form they are kept, and what is wrong with the rest. */
import { describe, expect, it } from 'vitest';
import { loadPolicy } from '../../src/policy/load.ts';
import type { PolicyEnvironment } from '../../src/policy/sql-source.ts';
import { emptyCatalog } from '../support/empty-catalog.ts';
import { plainEnvironment } from './environment.ts';

const VERIFIER = `SCRAM-SHA-256$4096:${Buffer.alloc(16).toString('base64')}$${'A'.repeat(43)}=:${'A'.repeat(43)}=`;
const HEX = 'ab'.repeat(32);

function load(lines: string, more: Partial<PolicyEnvironment> = {}) {
  const files = [
    { path: 'roles/dba.yaml', text: 'role: dba\naccess: unrestricted\nlimits: none\n' },
    { path: 'principals.yaml', text: `principals:\n  app:\n    role: dba\n    password: ${VERIFIER}\n    ${lines}\n` },
  ];
  const { policy, diagnostics } = loadPolicy(files, { ...plainEnvironment(emptyCatalog()), ...more });
  const { certificate, from, disabled } = policy.principals.get('app') ?? {};
  return { certificate, from, disabled, errors: diagnostics.map(({ line, message }) => `${line}: ${message}`) };
}

describe('certificate', () => {
  it.each([
    [`sha256:${HEX}`, `sha256:${HEX}`],
    [`SHA256:${HEX.toUpperCase()}`, `sha256:${HEX}`],
    [`"sha256:${HEX.replace(/..(?!$)/g, '$&:')}"`, `sha256:${HEX}`],
    ['subject:CN=app,O=School', 'subject:CN=app,O=School'],
    ['"subject: cn = app , o = School"', 'subject:CN=app,O=School'],
    ["'subject:CN=a\\,b'", 'subject:CN=a\\,b'],
  ])('%s', (written, kept) => {
    expect(load(`certificate: ${written}`)).toMatchObject({ certificate: kept, errors: [], disabled: undefined });
  });

  it.each([
    ['sha256:abcd', '64 hex digits'],
    [HEX, 'expected "sha256:"'],
    ['CN=app', 'expected "sha256:"'],
    ['"subject:"', 'expected a subject as "subject:CN=app,O=School"'],
    ['subject:app', 'expected a subject'],
    ['"subject:CN=*"', undefined],
    ['subject:CN=app #1', 'YAML reads this as a comment'],
  ])('%s: %s', (written, error) => {
    const { errors, disabled } = load(`certificate: ${written}`);
    if (error === undefined) return expect(errors).toEqual([]); // a star is a star: it stands for nothing else
    expect(errors).toEqual([expect.stringMatching(/^5: /)]);
    expect(errors[0]).toContain(error);
    expect(disabled).toBeDefined();
  });

  it('a subject is an error where no authority is configured, a fingerprint is not', () => {
    const without = { clientCa: false };
    expect(load('certificate: subject:CN=app', without).errors).toEqual([
      '5: a subject proves nothing without "tls.client_ca" in the configuration',
    ]);
    expect(load('certificate: subject:CN=app', without).disabled).toBeDefined();
    expect(load(`certificate: sha256:${HEX}`, without).errors).toEqual([]);
  });
});

describe('from', () => {
  it('takes blocks of addresses, and local for unix sockets', () => {
    const { from, errors } = load('from: [local, 10.0.0.0/8, "::1", 192.0.2.7]');
    expect({ from, errors }).toEqual({ from: ['local', '10.0.0.0/8', '::1', '192.0.2.7'], errors: [] });
  });

  it.each(['Local', 'localhost', 'unix', '10.0.0.0/33', '10.0.0.0/8/8', '"fe80::1%eth0"', '10.0.0/8'])(
    '%s',
    (block) => {
      expect(load(`from: [${block}]`).errors).toEqual([expect.stringContaining('expected an address block')]);
    },
  );
});
