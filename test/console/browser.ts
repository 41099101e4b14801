/** A console beside a real guard with real traffic, and Chromium in front of it: what pages show, what they break, and whether their policy of content held. */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import axeCore from 'axe-core';
import pg from 'pg';
import pino from 'pino';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { loadConfig } from '../../src/config/load.ts';
import { startConsole } from '../../src/console/start.ts';
import { askGuard } from '../../src/operations/control/client.ts';
import { verifierOf } from '../proxy/support.ts';
import { freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { newSigner } from '../support/ssh-signer.ts';
import { type Served, serve } from '../workers/served.ts';

const ROOT = resolve(import.meta.dirname, '../..');
/** For a page to have what it waits for. The slowest start a command each, on a busy machine. */
const WAIT_MS = 120_000;

export interface Watched {
  readonly page: Page;
  /** What a page must not have: violations of its policy of content, errors, dialogs, requests to other servers. */
  readonly faults: string[];
}

export interface Pages {
  readonly guard: Served;
  readonly origin: string;
  /** Who may approve. */
  readonly signers: readonly ReturnType<typeof newSigner>[];
  /** At the guard's control socket, in the name of `ines`. */
  asked(command: string, given: Record<string, unknown>): Promise<void>;
  /** A browser of its own, logged in. Each page that it opens is watched. `host`: by which name it reaches the console. */
  open(role: 'viewer' | 'auditor' | 'operator', options?: BrowserContextOptions, host?: string): Promise<Watched>;
  stop(): Promise<void>;
}

export async function startPages(executablePath: string): Promise<Pages> {
  const folder = mkdtempSync(join(tmpdir(), 'rowgate-pages-'));
  const key = join(folder, 'subjects.key');
  writeFileSync(key, `k1 ${'x'.repeat(40)}\n`, { mode: 0o600 });
  const policies = join(folder, 'policies');
  await cp(join(ROOT, 'policies'), policies, { recursive: true });
  const signers = [newSigner('zoe'), newSigner('jean')];
  writeFileSync(
    join(policies, 'approvers.yaml'),
    `approvers:\n${signers.map(({ name, line }) => `  ${name}: { key: "${line}" }\n`).join('')}`,
  );
  appendFileSync(join(policies, 'roles/canteen_vendor.yaml'), 'raise: { approvals: 1 }\n');
  appendFileSync(
    join(policies, 'principals.yaml'),
    `  night: { role: statistics, password: "${await verifierOf('demo-night')}", break_glass: { approvals: 1, for: 1 h } }\n`,
  );
  const database = await freshDatabase();
  await seedSmall(database.url);
  // Texts whole, as an attacker has sent them.
  const configuration = `listen: 127.0.0.1:0
policies: ./policies
log: { file: ./decisions.jsonl, text: full }
keys: { subjects: ${JSON.stringify(key)} }
console: { listen: 127.0.0.1:0 }
`;
  const guard = await serve(database, configuration, {}, policies);
  const { config } = loadConfig(join(guard.folder, 'rowgate.yaml'), {});
  const program = [process.execPath, join(ROOT, 'dist/cli/main.js')] as const;
  const running = await startConsole({ config: config!, program: [...program], log: pino({ level: 'silent' }) });
  const browser: Browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
  return {
    guard,
    origin: running.url,
    signers,
    async asked(command, given) {
      const reply = await askGuard(join(guard.folder, 'rowgate.sock'), { command, arguments: given, behalf: 'ines' });
      if (!reply.ok) throw new Error(reply.error.message);
    },
    async open(role, options = {}, host = '127.0.0.1') {
      const at = (url: string): string => url.replace('127.0.0.1', host);
      const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1280, height: 900 }, ...options });
      context.setDefaultTimeout(WAIT_MS);
      const faults: string[] = [];
      await context.exposeFunction('fault', (what: string) => faults.push(what));
      await context.addInitScript(
        "addEventListener('securitypolicyviolation', (event) => fault('policy of content: ' + event.violatedDirective + ' ' + event.blockedURI))",
      );
      const page = await context.newPage();
      page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
      page.on('dialog', (dialog) => {
        faults.push(`dialog: ${dialog.message()}`);
        void dialog.dismiss();
      });
      page.on('request', (request) => {
        const url = request.url();
        if (!url.startsWith(at(running.url)) && !url.startsWith('blob:')) faults.push(`request: ${url}`);
      });
      await page.goto(at(running.link({ name: 'anne', role })!));
      return { page, faults };
    },
    async stop() {
      await browser.close();
      await running.stop();
      await guard.stop();
      await database.drop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Nothing is awaited any more: no part of the page says that it loads. */
export async function settled(page: Page): Promise<void> {
  await page.locator('h1').waitFor();
  await page.locator('body:not(:has(.loading))').waitFor();
}

/** What axe-core finds, each in a line. @param rules absent: all */
export async function axe(page: Page, rules?: readonly string[]): Promise<string[]> {
  const only = rules ? `, runOnly: { type: 'rule', values: ${JSON.stringify(rules)} }` : '';
  // By the debugger, whom the page's own policy does not hold back.
  return (await page.evaluate(
    `(async () => { const module = undefined, exports = undefined; ${axeCore.source}
      const { violations } = await axe.run(document, { resultTypes: ['violations']${only} });
      return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => id + ': ' + html.slice(0, 200) + ' ' + failureSummary)); })()`,
  )) as string[];
}

/** What of the page is wider than the window: scrolled sideways, a text is read line by line twice. */
export async function overflow(page: Page, width: number): Promise<number> {
  await page.setViewportSize({ width, height: 800 });
  return (await page.evaluate('Math.max(0, document.documentElement.scrollWidth - innerWidth)')) as number;
}

/** A connection that says what it is. */
export async function connect(guard: Served, principal: string, application = 'psql'): Promise<pg.Client> {
  const url = new URL(guard.url(principal));
  url.searchParams.set('application_name', application);
  const client = new pg.Client({ connectionString: url.href });
  client.on('error', () => {}); // the guard ends what a test left open
  await client.connect();
  return client;
}

/** Statements of one principal, each on its way whatever becomes of it. */
export async function say(guard: Served, principal: string, statements: readonly string[]): Promise<void> {
  const client = await connect(guard, principal);
  for (const statement of statements) await client.query(statement).catch(() => {});
  await client.end();
}

/** The decision log so far. */
export async function recordsOf(guard: Served): Promise<Record<string, unknown>[]> {
  return Object.values(await guard.records()).flat();
}
