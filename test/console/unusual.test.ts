/** The console alone: who gets in and how often, what each answer says of itself, and logs and guards that are not as they should be. */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { register } from '../../src/cli/console.ts';
import { parseConfig } from '../../src/config/load.ts';
import { asker, FairQueue } from '../../src/console/fair-queue.ts';
import { LoginLinks } from '../../src/console/login.ts';
import { OwnCommand } from '../../src/console/own-command.ts';
import { PersonSessions } from '../../src/console/sessions.ts';
import { Browser } from '../oauth/browser.ts';
import { CONSOLE_CLIENT, startProvider } from '../oauth/provider.ts';
import { FOR_SERVERS, makeCertificates } from '../proxy/certificates.ts';
import { eventually } from '../proxy/support.ts';
import { runCommand } from '../support/command.ts';
import { consoleOf, type TestConsole, Visitor } from './visitor.ts';

const folder = mkdtempSync(join(tmpdir(), 'rowgate-test-console-'));
const UPSTREAM = 'upstream: { url: "postgres://nobody@127.0.0.1:1/none" }';

/** A configuration in a folder of its own. */
function configured(name: string, further: string): string {
  const own = join(folder, name);
  mkdirSync(join(own, 'policies'), { recursive: true });
  const file = join(own, 'rowgate.yaml');
  writeFileSync(file, `name: ${name}\nlisten: 127.0.0.1:0\n${UPSTREAM}\n${further}\n`);
  return file;
}

let console: TestConsole;
let web: string;

beforeAll(async () => {
  web = join(folder, 'web');
  mkdirSync(join(web, 'assets'), { recursive: true });
  writeFileSync(join(web, 'index.html'), '<!doctype html><title>Rowgate</title>');
  writeFileSync(join(web, 'assets/main-abc123.js'), 'export {};');
  writeFileSync(join(folder, 'secret.html'), 'none of the console');
  console = await consoleOf(configured('alone', 'console: { listen: "127.0.0.1:0" }'), web);
});

afterAll(async () => {
  await console?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('every answer', () => {
  it.each([
    '/',
    '/principals/vendor',
    '/assets/main-abc123.js',
    '/api/session',
    '/api/now',
    '/api/none',
    '/none.js',
    '/login?secret=x',
  ])('%s runs nothing from elsewhere, and stands in no frame', async (path) => {
    const { headers } = await new Visitor(console.url).get(path);
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
    });
    expect(headers['access-control-allow-origin']).toBeUndefined();
  });

  it.each(['evil.example', 'evil.example:8433', '127.0.0.1', 'localhost'])('is none at the name "%s"', async (host) => {
    const answer = await new Visitor(console.url).raw('GET', '/api/session', { host });
    expect(answer.status).toBe(421);
  });

  it('a question larger than a megabyte is none', async () => {
    const visitor = await console.visitor('operator');
    const answer = await visitor.post('/api/decisions', { text: 'x'.repeat(1_100_000) });
    expect(answer).toMatchObject({ status: 413, body: { error: { code: 'too-large' } } });
  });

  it('pages get the one page, files of the build are kept for long, and nothing else of the disk is there', async () => {
    const visitor = new Visitor(console.url);
    for (const page of ['/decisions/01ABC', '/principals/app.v2'])
      expect((await visitor.get(page)).text).toContain('<title>Rowgate</title>');
    expect((await visitor.get('/assets/gone-abc123.js')).status).toBe(404);
    expect((await visitor.get('/assets/main-abc123.js')).headers['cache-control']).toContain('immutable');
    for (const path of ['/../secret.html', '/assets/..%2f..%2fsecret.html', '/%2e%2e/secret.html'])
      expect((await visitor.get(path)).text).not.toContain('none of the console');
  });
});

describe('logging in', () => {
  it('by the link works once, leaves no secret in the address, and gives a cookie that no script and no other site has', async () => {
    const path = console.link({ name: 'ines', role: 'viewer' })!.slice(console.url.length);
    const visitor = new Visitor(console.url);
    const first = await visitor.get(path);
    expect(first).toMatchObject({ status: 303, headers: { location: '/' } });
    expect(first.headers['set-cookie']).toEqual([expect.stringMatching(/; HttpOnly; SameSite=Strict$/)]);
    await visitor.enter();
    expect(visitor.csrf).not.toBe('');
    const second = await new Visitor(console.url).get(path);
    expect(second.headers).toMatchObject({ location: '/login?failed=link' });
    expect(second.headers['set-cookie']).toBeUndefined();
    expect(console.logged.join()).not.toContain(path.split('=')[1]);
  });

  it('by a link is over after minutes', () => {
    let now = 0;
    const links = new LoginLinks(() => now);
    const [early, late] = [0, 1].map(() => links.make({ name: 'ines', role: 'viewer' }));
    now = 599_999;
    expect(links.use(early!)).toMatchObject({ name: 'ines' });
    now = 600_000;
    expect(links.use(late!)).toBeUndefined();
  });

  it('ends when it is ended, when nothing is asked, and at its time', async () => {
    const visitor = await console.visitor('viewer');
    const { cookie } = visitor;
    expect((await visitor.post('/api/session/end')).status).toBe(200);
    visitor.cookie = cookie;
    expect((await visitor.get('/api/now')).status).toBe(401);
    let now = 0;
    const sessions = new PersonSessions(1_000, 3_000, () => now);
    const [idle, used] = [0, 1].map(() => sessions.begin({ name: 'ines', role: 'viewer' }));
    const { signal } = sessions.of(used) ?? {};
    const { signal: ofIdle } = sessions.of(idle) ?? {};
    for (now = 500; now < 3_000; now += 500) expect(sessions.of(used)).toBeDefined();
    sessions.sweep();
    expect(ofIdle?.aborted).toBe(true);
    expect(sessions.of(idle)).toBeUndefined();
    now = 3_000;
    sessions.sweep();
    expect(signal?.aborted).toBe(true);
    expect(sessions.of(used)).toBeUndefined();
  });

  it('is not tried again and again', async () => {
    const apart = await consoleOf(configured('tried', 'console: { listen: "127.0.0.1:0" }'), web);
    try {
      const failed = async () => (await new Visitor(apart.url).get('/login?secret=guess')).headers.location;
      for (let i = 0; i < 10; i++) expect(await failed()).toBe('/login?failed=link');
      expect(await failed()).toBe('/login?failed=too-many');
      const good = apart.link({ name: 'ines', role: 'viewer' })!.slice(apart.url.length);
      expect((await new Visitor(apart.url).get(good)).headers.location).toBe('/login?failed=too-many');
    } finally {
      await apart.stop();
    }
  });

  it('by an issuer gives the role that a claim or a file says, and none to others', async () => {
    const groups = { dana: ['staff', 'dba'], rose: ['staff'], eve: ['guests'] };
    const provider = await startProvider({ groups });
    const people = join(folder, 'people.yaml');
    writeFileSync(people, 'dana: auditor\n');
    const oidc = (who: string) =>
      `console: { listen: "127.0.0.1:0", oidc: { issuer: "${provider.issuer}", client_id: ${CONSOLE_CLIENT}, scope: openid, ${who} } }`;
    const byClaim = await consoleOf(
      configured('claim', oidc('roles: { claim: groups, viewer: [staff], operator: [dba] }')),
      web,
    );
    const byFile = await consoleOf(configured('file', oidc(`people: ${people}`)), web);
    const at = async ({ url }: TestConsole, login: string) => {
      const browser = new Browser();
      await browser.fill(`${url}/login/oidc`, { login, password: 'x' });
      return JSON.parse(await browser.fill(`${url}/api/session`, {})).session;
    };
    try {
      expect(byClaim.link({ name: 'x', role: 'operator' })).toBeUndefined();
      expect(await at(byClaim, 'dana')).toMatchObject({ name: 'dana', role: 'operator' });
      expect(await at(byClaim, 'rose')).toMatchObject({ name: 'rose', role: 'viewer' });
      expect(await at(byClaim, 'eve')).toBeUndefined();
      expect(await at(byFile, 'dana')).toMatchObject({ role: 'auditor' });
      expect(await at(byFile, 'rose')).toBeUndefined();
      const elsewhere = await new Visitor(byClaim.url).get('/login/callback?code=stolen&state=stolen');
      expect(elsewhere.headers).toMatchObject({ location: '/login?failed=not-let-in' });
    } finally {
      await Promise.all([byClaim.stop(), byFile.stop(), provider.close()]);
    }
  });

  it.each([
    ['0.0.0.0:8433', '', 'tls'],
    ['0.0.0.0:8433', 'tls: { cert: a, key: b }', 'oidc'],
    ['*:8433', 'tls: { cert: a, key: b }', 'url'],
    ['127.0.0.1:8433', 'oidc: { issuer: "https://id.example", client_id: x }', 'roles'],
    ['127.0.0.1:8433', 'url: "https://a.example/path"', 'origin'],
  ])('from a network needs TLS and an issuer: %s %s', (listen, further, expected) => {
    const keys = [`listen: "${listen}"`, ...(further === '' ? [] : [further])].join(', ');
    const { problems } = parseConfig('/rowgate.yaml', `listen: 127.0.0.1:1\n${UPSTREAM}\nconsole: { ${keys} }\n`, {});
    expect(problems?.map(({ message }) => message).join()).toContain(expected);
  });
});

describe('what cannot be read', () => {
  const record = (seq: number, kind: string, rest: object) =>
    JSON.stringify({ time: new Date().toISOString(), kind, guard: 'torn', seq, ...rest });
  const decision = (seq: number) =>
    record(seq, 'decision', {
      id: `01D${seq}`,
      session: 's',
      principal: 'p',
      role: 'r',
      effect: 'allow',
      statement: 'SELECT 1',
    });

  it('is said where it stands, and the rest is told', async () => {
    const torn = join(folder, 'torn.jsonl');
    writeFileSync(torn, `${decision(1)}\n{"time":"2026-\n${decision(2)}\n${decision(3).slice(0, 40)}`);
    const closed = join(folder, 'closed.jsonl');
    writeFileSync(
      closed,
      `${record(1, 'segment', { age: 'YWdl', chain: 'c' })}\n${record(2, 'decision', { box: 'x' })}\n`,
    );
    const guards = ['torn', 'closed', 'missing'].map(
      (name) => `{ name: ${name}, control: ./${name}.sock, log: ${join(folder, `${name}.jsonl`)} }`,
    );
    const apart = await consoleOf(
      configured('several', `console: { listen: "127.0.0.1:0", guards: [${guards.join(', ')}] }`),
      web,
    );
    try {
      const visitor = await apart.visitor('auditor');
      const now = async () => (await visitor.get('/api/now')).body;
      await eventually(async () => (await now()).rates.steps.flat().length > 0, 'the torn log is read');
      await eventually(async () => (await now()).guards[2].log.ok === false, 'the missing one is looked for');
      expect((await now()).guards).toMatchObject([
        { name: 'torn', now: { ok: false, problem: { code: 'guard-gone' } }, log: { ok: true } },
        {
          name: 'closed',
          log: { ok: false, problem: { code: 'log-unreadable', message: expect.stringContaining('encrypted') } },
        },
        { name: 'missing', log: { ok: false, problem: { code: 'log-unreadable' } } },
      ]);
      expect((await now()).rates.steps.flat()).toEqual([{ role: 'r', statements: 2, rows: 0, refused: 0 }]);
      const one = (await visitor.get('/api/decisions/01D1')).body;
      expect(one).toMatchObject({ decision: { statement: 'SELECT 1' }, explained: { ok: false }, rule: { ok: false } });
      expect(one.neighbours).toHaveLength(2);
      const principals = await visitor.get('/api/principals');
      expect(principals).toMatchObject({
        status: 500,
        body: { error: { message: expect.stringContaining('catalog') } },
      });
      const breach = await visitor.post('/api/breach', { principal: 'p', since: '1h' });
      expect(breach).toMatchObject({ status: 503, body: { error: { code: 'log-unreadable' } } });
    } finally {
      await apart.stop();
    }
  });

  it('has closed files indexed before a page asks for them', async () => {
    const own = join(folder, 'indexed');
    const file = configured('indexed', 'log: { file: ./turned.jsonl }\nconsole: { listen: "127.0.0.1:0" }');
    const closed = join(own, 'turned.000000000001.jsonl');
    writeFileSync(closed, `${decision(1)}\n`);
    writeFileSync(join(own, 'turned.jsonl'), `${decision(2)}\n`);
    const apart = await consoleOf(file, web);
    try {
      await eventually(() => existsSync(`${closed}.parquet`), 'the closed file has an index');
    } finally {
      await apart.stop();
    }
  });

  it('goes on where a log is rotated, and where it comes back', async () => {
    const { renameSync, appendFileSync } = await import('node:fs');
    const log = join(folder, 'turned.jsonl');
    writeFileSync(log, `${decision(1)}\n`);
    const apart = await consoleOf(
      configured('turning', `console: { listen: "127.0.0.1:0", guards: [{ name: turned, log: ${log} }] }`),
      web,
    );
    try {
      const visitor = await apart.visitor('viewer');
      const has = (id: string) => async () => (await visitor.get(`/api/decisions/${id}`)).status === 200;
      await eventually(has('01D1'), 'the first is read');
      appendFileSync(log, `${decision(2)}\n`);
      renameSync(log, join(folder, 'turned.000000000001.jsonl'));
      writeFileSync(log, `${decision(3)}\n`);
      await eventually(has('01D3'), 'the one after it was closed is read');
      expect(await has('01D2')()).toBe(true);
      const { steps } = (await visitor.get('/api/now')).body.rates;
      expect(steps.flat().reduce((all: number, { statements }: { statements: number }) => all + statements, 0)).toBe(3);
    } finally {
      await apart.stop();
    }
  });
});

describe('over TLS', () => {
  const certificates = makeCertificates();
  afterAll(() => rmSync(certificates.folder, { recursive: true, force: true }));
  const written = (name: string, { cert, key }: { cert: string; key: string }) =>
    configured(name, `console:\n  listen: 127.0.0.1:0\n  tls:\n    cert: ${cert}\n    key: ${key}`);

  it('serves the certificate that is configured, and nothing in the clear', async () => {
    const { server, issue } = certificates;
    const [cert, key] = [join(certificates.folder, 'used.crt'), join(certificates.folder, 'used.key')];
    const use = (one: { cert: string; key: string }): void => {
      copyFileSync(one.cert, cert);
      copyFileSync(one.key, key);
    };
    use(server);
    const apart = await consoleOf(written('tls', { cert, key }), web, { ca: readFileSync(certificates.ca, 'utf8') });
    try {
      expect(apart.url).toMatch(/^https:/);
      const visitor = await apart.visitor('viewer');
      expect(visitor.cookie).toMatch(/^__Host-/);
      const { headers, body } = await visitor.get('/api/session');
      expect(body.session).toMatchObject({ role: 'viewer' });
      expect(headers['strict-transport-security']).toBe('max-age=31536000');
      const plain = new Visitor(apart.url.replace('https:', 'http:'));
      await expect(plain.get('/api/session')).rejects.toThrow(/hang up|ECONNRESET|EPIPE/);
      await expect(new Visitor(apart.url).get('/api/session')).rejects.toThrow(/certificate/);
      const port = Number(new URL(apart.url).port);
      const shown = () =>
        new Promise<string>((done, fail) => {
          const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
            done(socket.getPeerX509Certificate()?.subject ?? '');
            socket.destroy();
          }).once('error', fail);
        });
      const before = await shown();
      use(issue('next', '/CN=the next one', { extensions: FOR_SERVERS, by: 'ca' }));
      apart.reload();
      expect([before, await shown()]).toEqual([expect.not.stringContaining('the next one'), 'CN=the next one']);
      use({ cert: server.cert, key });
      expect(() => apart.reload()).toThrow(/mismatch/);
      expect(await shown()).toBe('CN=the next one');
    } finally {
      await apart.stop();
    }
  });

  it('does not start with the key of another, and names the line', async () => {
    const { server, client } = certificates;
    const file = written('other-key', { cert: server.cert, key: client.key });
    const { status, stderr } = await runCommand([register], ['console', '--config', file]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/rowgate\.yaml:8:\d+: console\.tls\.key: ".*" is not the key of the certificate/);
  });
});

describe('a command that is asked', () => {
  it('is ended where it takes too long, or its client has left', async () => {
    const forever = new OwnCommand([process.execPath, '-e', 'setInterval(() => {}, 1000)', '--'], 50);
    await expect(forever.json({ words: [] })).rejects.toMatchObject({ code: 'too-slow' });
    const left = new AbortController();
    const asked = new OwnCommand([process.execPath, '-e', 'setInterval(() => {}, 1000)', '--']).json({
      words: [],
      signal: left.signal,
    });
    left.abort();
    await expect(asked).rejects.toThrow();
  });

  it('about a log, goes to a process that was started ahead, by no word that others can list', async () => {
    const started = join(folder, 'started.txt');
    // Says by which words it was started, and answers with those that came later.
    const program = `require('node:fs').appendFileSync(${JSON.stringify(started)}, process.argv.slice(1).join(' ') + '\\n');
      const answer = (words) => { console.log(JSON.stringify(words)); process.disconnect?.() };
      process.argv[1] === 'ahead' ? process.once('message', answer) : answer(process.argv.slice(1));`;
    const command = new OwnCommand([process.execPath, '-e', program, '--']);
    const lines = () => (existsSync(started) ? readFileSync(started, 'utf8').trim().split('\n') : []);
    try {
      command.startAhead(() => ['--log=x']);
      await eventually(() => lines().length === 1, 'one is ahead');
      const asked = { words: ['log', 'query', '--text=x'] };
      expect(await command.json(asked)).toEqual([...asked.words, '--json']);
      await eventually(() => lines().length === 2, 'the next one is ahead');
      expect(lines()).toEqual(['ahead --log=x', 'ahead --log=x']);
      // Making indexes has the memory that it needs, and other commands their own start.
      for (const words of [['log', 'index'], ['check']])
        expect(await command.json({ words })).toEqual([...words, '--json']);
      const isAhead = (line: string) => line.startsWith('ahead');
      expect(lines().filter((line) => !isAhead(line))).toEqual(['log index --json', 'check --json']);
      await eventually(() => lines().filter(isAhead).length === 3, 'one that has the new indexes is ahead');
    } finally {
      command.stop();
    }
  });

  it('is asked again where the one ahead had too little memory', async () => {
    const program = `process.argv[1] === 'ahead'
      ? process.once('message', () => { console.error('Error: Out of Memory Error: x'); process.exitCode = 1; process.disconnect() })
      : console.log('{"whole":true}')`;
    const command = new OwnCommand([process.execPath, '-e', program, '--']);
    try {
      command.startAhead(() => ['--log=x']);
      expect(await command.json({ words: ['log', 'report'] })).toEqual({ whole: true });
    } finally {
      command.stop();
    }
  });

  it('runs with few others, and of more than can wait some are sent away', async () => {
    const command = new OwnCommand([process.execPath, '-e', 'setInterval(() => {}, 1000)', '--']);
    const asked = Array.from({ length: 20 }, () =>
      command.json({ words: [] }).catch(({ code }: { code: string }) => code),
    );
    expect((await Promise.race(asked.slice(18))) as string).toBe('too-many');
    const ending = setInterval(() => command.stop(), 20);
    await Promise.all(asked);
    clearInterval(ending);
  });

  it('has a place beside those of a person who asks without end', async () => {
    const command = new OwnCommand([
      process.execPath,
      '-e',
      "process.argv[1] === 'ends' ? console.log('{}') : setInterval(() => {}, 1000)",
      '--',
    ]);
    const greedy = Array.from({ length: 40 }, () =>
      asker.run('mallory', () => command.json({ words: ['lasts'] }).catch(({ code }: { code: string }) => code)),
    );
    for (const who of ['anne', 'bea', 'anne']) {
      expect(await asker.run(who, () => command.json({ words: ['ends'] }))).toEqual({});
    }
    const ending = setInterval(() => command.stop(), 20);
    const codes = await Promise.all(greedy);
    clearInterval(ending);
    expect(codes.filter((code) => code === 'too-many')).toHaveLength(40 - 2 - 16);
  });

  it('is charged to the person who asks, by whatever route', async () => {
    const script = "process.argv.includes('--text=ends') || setInterval(() => {}, 1000)";
    const apart = await consoleOf(configured('fair', 'console: { listen: "127.0.0.1:0" }'), web, {
      program: [process.execPath, '-e', script, '--'],
    });
    const [mallory, anne] = [await apart.visitor('viewer', 'mallory'), await apart.visitor('viewer', 'anne')];
    const greedy = Array.from({ length: 24 }, (_, at) => mallory.post('/api/decisions', { text: `lasts ${at}` }));
    expect(await Promise.race(greedy)).toMatchObject({ status: 429 });
    expect(await anne.post('/api/decisions', { text: 'ends' })).toMatchObject({ status: 200, body: { decisions: [] } });
    await apart.stop();
    await Promise.allSettled(greedy);
  });

  it('is taken turn about by those who wait, and of whom is gone nothing runs', async () => {
    const queue = new FairQueue({ running: { all: 1, ofOne: 1 }, waiting: { all: 9, ofOne: 4 } });
    const order: string[] = [];
    let end = (): void => {};
    const ended = new Promise<void>((done) => {
      end = done;
    });
    const ask = (who: string, signal?: AbortSignal) =>
      asker.run(who, () => queue.run(async () => void order.push(who), signal)).catch(() => {});
    const first = asker.run('mallory', () => queue.run(() => ended));
    const left = new AbortController();
    const all = ['mallory', 'mallory', 'mallory', 'anne', 'anne'].map((who) => ask(who));
    all.push(ask('gone', left.signal));
    left.abort();
    end();
    await Promise.all([first, ...all]);
    expect(order).toEqual(['anne', 'mallory', 'anne', 'mallory', 'mallory']);
  });
});
