/** Tests `certificate` (beside a password or without one) and `from` of a principal: accepted values, their form in the policy, and the errors for all others. */
import { describe, expect, it } from 'vitest';
import { loadPolicy } from '../../src/policy/compile/load.ts';
import { formatDiagnostic } from '../../src/policy/source/diagnostic.ts';
import type { PolicyEnvironment } from '../../src/policy/source/sql-source.ts';
import { emptyCatalog } from '../support/empty-catalog.ts';
import { plainEnvironment } from './environment.ts';

const VERIFIER = `SCRAM-SHA-256$4096:${Buffer.alloc(16).toString('base64')}$${'A'.repeat(43)}=:${'A'.repeat(43)}=`;
const HEX = 'ab'.repeat(32);

const ROLES = [
  { path: 'roles/dba.yaml', text: 'role: dba\naccess: unrestricted\nlimits: none\n' },
  { path: 'roles/visitor.yaml', text: 'role: visitor\nlimits: none\n' },
];

function load(lines: string, more: Partial<PolicyEnvironment> = {}) {
  const text = `principals:\n  app:\n    role: visitor\n    password: ${VERIFIER}\n    ${lines}\n`;
  const files = [...ROLES, { path: 'principals.yaml', text }];
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

it('a certificate and unix sockets alone do not go together', () => {
  const certificate = `certificate: sha256:${HEX}`;
  expect(load(`${certificate}\n    from: [local]`)).toMatchObject({
    errors: ['6: no client certificate can be shown by a unix socket: this principal can log in from nowhere'],
    disabled: undefined,
  });
  expect(load(`${certificate}\n    from: [local, 10.0.0.0/8]`).errors).toEqual([]);
});

describe('a password', () => {
  const loaded = (entry: string, more: Partial<PolicyEnvironment> = {}) => {
    const text = `principals:\n  app: { ${entry} }\n`;
    const { policy, diagnostics } = loadPolicy([...ROLES, { path: 'principals.yaml', text }], {
      ...plainEnvironment(emptyCatalog()),
      ...more,
    });
    const app = policy.principals.get('app');
    return {
      verifiers: app?.verifiers,
      closed: !app || app.disabled !== undefined,
      told: diagnostics.map(formatDiagnostic),
    };
  };
  const password = `password: "${VERIFIER}"`;
  const certificate = `certificate: sha256:${HEX}`;

  it('may be missing where there is a certificate', () => {
    expect(loaded(`role: visitor, ${certificate}`)).toEqual({ verifiers: [], closed: false, told: [] });
    expect(loaded('role: visitor')).toEqual({
      verifiers: [],
      closed: true,
      told: [expect.stringMatching(/^principals\.yaml:2:3: error: expected "password" .*"certificate"/)],
    });
  });

  it.each(['password: ""', 'password: []', 'password: null', 'password: hunter2'])(
    'that is none is an error, with a certificate too: %s',
    (none) => {
      const { closed, told } = loaded(`role: visitor, ${none}, ${certificate}`);
      expect({ closed, errors: told.length }).toEqual({ closed: true, errors: 1 });
      expect(told[0]).not.toContain('hunter2');
    },
  );

  it.each<[string, PolicyEnvironment['requireCertificate'], string, string]>([
    ['dba', undefined, password, 'warning'],
    ['dba', 'none', password, 'warning'],
    ['dba', 'unrestricted', password, 'error'],
    ['dba', 'all', password, 'error'],
    ['dba', 'unrestricted', `${password}, ${certificate}`, 'nothing'],
    ['dba', 'all', certificate, 'nothing'],
    ['visitor', 'none', password, 'nothing'],
    ['visitor', 'unrestricted', password, 'nothing'],
    ['visitor', 'all', password, 'error'],
    ['visitor', 'all', certificate, 'nothing'],
  ])('alone, of role %s, require_certificate %s, %s: %s', (role, requireCertificate, shown, severity) => {
    const { closed, told } = loaded(`role: ${role}, ${shown}`, { ...(requireCertificate && { requireCertificate }) });
    expect(closed).toBe(severity === 'error');
    if (severity === 'nothing') expect(told).toEqual([]);
    else expect(told).toEqual([expect.stringMatching(`^principals\\.yaml:2:3: ${severity}: .*"certificate"`)]);
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
