/** The pages of the console in Chromium, before a real guard: what each shows, that the keyboard and a narrow window are enough, and that statements of an attacker are text. */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type pg from 'pg';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect } from 'vitest';
import { describeWith, testWith, tool } from '../support/tools.ts';
import { axe, connect, overflow, type Pages, recordsOf, say, settled, startPages, type Watched } from './browser.ts';
import { consoleOf } from './visitor.ts';

const chromium = tool('chromium');
const it = testWith(chromium);
const describe = describeWith(chromium);

/** As identifiers and aliases, so that they stay in the log as they were sent. */
const MARKUP = [
  '<img src=x onerror=alert(1)>',
  '<script>alert(2)</script>',
  '</code></pre><svg onload=alert(3)>',
  '"><iframe src=javascript:alert(4)>',
  '{{constructor.constructor(5)()}}',
  '\u0024{alert(6)}',
  'javascript:alert(7)',
  '<a href="javascript:alert(8)">x</a>',
  '\u202e\u2066reversed',
  '<style>*{display:none}</style>',
];
const APPLICATION = '<b onclick=alert(9)>kitchen';
const HOSTILE = Array.from({ length: 200 }, (_, at) => {
  const name = `${MARKUP[at % MARKUP.length]} ${at}`.replaceAll('"', '""').slice(0, 60);
  return `SELECT id AS "${name}" FROM students WHERE id = ${at}`;
});

let pages: Pages;
let operator: Watched;
/** Of a statement that was refused, and whose alias is markup. */
let refused: string;
let connected: pg.Client | undefined;

beforeAll(async () => {
  if (chromium.path === undefined) return;
  pages = await startPages(chromium.path);
  const { guard } = pages;
  await say(guard, 'teacher', ['SELECT first_name, last_name FROM students', 'SELECT count(*) FROM classes']);
  await say(guard, 'homework', ['SELECT id, first_name FROM students WHERE id = 7', 'SELECT last_name FROM students']);
  await say(guard, 'office', HOSTILE);
  await say(guard, 'homework', [`SELECT last_name AS "${MARKUP[0]}" FROM students`]);
  connected = await connect(guard, 'canteen', APPLICATION);
  const found = (await recordsOf(guard)).find(({ kind, statement }) => {
    return kind === 'decision' && String(statement).includes(MARKUP[0]!) && String(statement).includes('last_name');
  });
  refused = String(found?.id);
  operator = await pages.open('operator');
});

afterAll(async () => {
  await connected?.end().catch(() => {});
  await pages?.stop();
});

const SHOWN: readonly (readonly [name: string, address: () => string, title: string, holds: string])[] = [
  ['now', () => '/', 'Now', 'canteen'],
  ['decisions', () => '/decisions', 'Decisions', 'live'],
  ['decisions in the log', () => '/decisions?in=log&principal=homework', 'Decisions', 'SELECT last_name FROM students'],
  ['a decision', () => `/decisions/${refused}`, 'Decision', 'roles/homework_app.yaml'],
  ['principals', () => '/principals', 'Principals', 'family_portal'],
  ['a principal', () => '/principals/homework', 'Principal homework', 'public.students'],
];

/** What holds for each page, whatever it shows. */
async function isGood({ page, faults }: Watched, title: string): Promise<void> {
  expect(await page.title()).toMatch(new RegExp(`^${title.replace('?', '\\?')}.* · Rowgate$`));
  expect(await page.locator('h1').count()).toBe(1);
  expect(await page.locator('h1').textContent()).toContain(title);
  expect(await page.locator('html').getAttribute('lang')).toBe('en');
  expect(await axe(page)).toEqual([]);
  await page.emulateMedia({ colorScheme: 'dark' });
  expect(await axe(page, ['color-contrast'])).toEqual([]);
  await page.emulateMedia({ colorScheme: 'light' });
  for (const width of [360, 768, 2560]) expect(await overflow(page, width), `${width} pixels`).toBe(0);
  await page.setViewportSize({ width: 1280, height: 900 });
  expect(faults).toEqual([]);
}

/** On paper, from a dark screen: light, without what is pressed, all rows of the table, and nothing beyond the edge of a sheet of A4. */
async function isPrintedWhole(page: Page, table: string): Promise<void> {
  try {
    await printedWhole(page, table);
  } finally {
    await page.emulateMedia({ media: null, colorScheme: 'light' });
    await page.setViewportSize({ width: 1280, height: 900 });
  }
}

async function printedWhole(page: Page, table: string): Promise<void> {
  const list = page.getByRole('region', { name: table, exact: true });
  const isLong = await list.locator('table').getAttribute('aria-rowcount');
  const rows = isLong === null ? await list.locator('tbody tr').count() : Number(isLong) - 1;
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
  await expect.poll(() => list.locator('tbody tr').count(), { timeout: 60_000 }).toBe(rows);
  expect(await page.locator('nav:visible, form:visible, button:visible:not(th button)').count()).toBe(0);
  expect(await axe(page, ['color-contrast'])).toEqual([]);
  const dark = await page.evaluate(`[...document.querySelectorAll('*')].flatMap((node) => {
    const [red, green, blue, opacity = 1] = getComputedStyle(node).backgroundColor.match(/[\\d.]+/g).map(Number);
    return node.checkVisibility() && opacity > 0.5 && red + green + blue < 384 ? [node.outerHTML.slice(0, 80)] : [];
  })`);
  expect(dark).toEqual([]);
  await page.setViewportSize({ width: 794, height: 1123 });
  const beyond = () =>
    page.evaluate(`[...document.querySelectorAll('main *')].flatMap((node) => {
    const { right, width } = node.getBoundingClientRect();
    return node.checkVisibility() && width > 1 && right > innerWidth + 1 ? [node.outerHTML.slice(0, 80)] : [];
  })`);
  // Charts are drawn for the new width behind it.
  await expect.poll(beyond, { timeout: 60_000 }).toEqual([]);
  const cut = await page.evaluate(`[...document.querySelectorAll('.scroll, pre')].flatMap((node) => {
    const { overflowX, maxHeight } = getComputedStyle(node);
    return node.checkVisibility() && (overflowX !== 'visible' || maxHeight !== 'none' || node.scrollWidth > node.clientWidth + 1) ? [node.outerHTML.slice(0, 80)] : [];
  })`);
  expect(cut).toEqual([]);
}

describe('each page', () => {
  it.each(SHOWN)(
    '%s has an address, a title, one heading, its content, and nothing that axe finds, in light and dark, from 360 to 2,560 pixels',
    async (_, address, title, holds) => {
      await operator.page.goto(pages.origin + address());
      await settled(operator.page);
      await operator.page.getByText(holds).first().waitFor();
      await isGood(operator, title);
    },
  );
});

describe('the keyboard', () => {
  it('reaches all that can be pressed or written in, shows where it is, and can skip the links', async () => {
    const { page } = operator;
    await page.goto(`${pages.origin}/principals`);
    await settled(page);
    await page.keyboard.press('Tab');
    expect(await focused(page)).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('main');
    await page.goto(`${pages.origin}/principals`);
    await settled(page);
    const all = Number(
      await page.evaluate(
        '[...document.querySelectorAll(\'a[href], button, input, select, textarea, summary, [tabindex="0"]\')].filter((one) => !one.disabled && one.checkVisibility()).length',
      ),
    );
    const reached = new Set<string>();
    const unseen: string[] = [];
    for (let step = 0; step < all + 5; step += 1) {
      await page.keyboard.press('Tab');
      const [at, outline] = (await page.evaluate(
        `[${MARKED}, getComputedStyle(document.activeElement).outlineStyle]`,
      )) as string[];
      if (at === undefined || at === 'body') continue;
      reached.add(at);
      if (outline === 'none') unseen.push(await focused(page));
    }
    expect(unseen).toEqual([]);
    expect(reached.size).toBe(all);
  });

  it('follows links, goes on at the heading of the next page, and comes back', async () => {
    const { page } = operator;
    await page.goto(`${pages.origin}/principals`);
    await settled(page);
    const link = page.getByRole('link', { name: 'homework', exact: true });
    await link.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Principal homework' }).waitFor();
    expect(await page.evaluate('document.activeElement.tagName')).toBe('H1');
    await page.goBack();
    await page.getByRole('heading', { level: 1, name: 'Principals' }).waitFor();
    expect(new URL(page.url()).pathname).toBe('/principals');
  });
});

it('statements, names and applications of an attacker are text, wherever they are shown', async () => {
  const { page, faults } = operator;
  await page.goto(`${pages.origin}/decisions?in=log&principal=office`);
  await settled(page);
  const list = page.getByRole('region', { name: 'In the log' });
  const seen = new Set<string>();
  // Of a long list only the lines in sight are in the page.
  for (let top = 0; seen.size < HOSTILE.length && top < 20_000; top += 500) {
    await list.evaluate((node, to) => node.scrollTo(0, to), top);
    for (const text of await list.locator('code').allTextContents()) seen.add(text);
  }
  expect(HOSTILE.filter((text) => !seen.has(text))).toEqual([]);
  await page.goto(pages.origin);
  await page.getByRole('region', { name: 'Who is connected' }).getByText(APPLICATION).waitFor();
  for (const made of ['img[src=x]', 'svg[onload]', 'iframe', '[onclick]', 'a[href^=javascript]'])
    expect(await page.locator(made).count(), made).toBe(0);
  expect(faults).toEqual([]);
});

it('decisions come by themselves, can be stopped and filtered', async () => {
  const { page } = operator;
  await page.goto(`${pages.origin}/decisions?principal=canteen`);
  await page.getByText('live', { exact: true }).waitFor();
  const list = page.getByRole('region', { name: 'Decisions as they come' });
  await say(pages.guard, 'teacher', ['SELECT level FROM classes']);
  await say(pages.guard, 'canteen', ['SELECT id FROM students WHERE id = 3']);
  await list.getByText('SELECT id FROM students WHERE id =').first().waitFor();
  expect(await list.getByText('SELECT level FROM classes').count()).toBe(0);
  const before = await list.getByRole('row').count();
  await page.getByRole('button', { name: 'Hold' }).click();
  await say(pages.guard, 'canteen', ['SELECT class_id FROM students WHERE id = 3']);
  await page.getByText(/passed without being shown/).waitFor();
  expect(await list.getByRole('row').count()).toBe(before);
});

it('ten thousand decisions a second leave a tab that answers, and count what they do not show', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rowgate-flood-'));
  const log = join(folder, 'flood.jsonl');
  let seq = 0;
  const flood = (): void => {
    const time = new Date().toISOString();
    const front = { time, kind: 'decision', guard: 'flood', principal: 'flood', role: 'r', effect: 'allow' };
    const lines = Array.from({ length: 1_000 }, () => {
      seq += 1;
      return `${JSON.stringify({ ...front, seq, id: `01F${seq}`, command: 'SELECT', statement: `SELECT ${seq}` })}\n`;
    });
    appendFileSync(log, lines.join(''));
  };
  flood();
  const file = join(folder, 'rowgate.yaml');
  const upstream = 'listen: 127.0.0.1:0\nupstream: { url: "postgres://nobody@127.0.0.1:1/none" }';
  writeFileSync(file, `${upstream}\nconsole: { listen: 127.0.0.1:0, guards: [{ name: flood, log: ${log} }] }\n`);
  const apart = await consoleOf(file);
  const page = await operator.page.context().browser()!.newPage({ locale: 'en-GB' });
  const timer = setInterval(flood, 100);
  try {
    page.setDefaultTimeout(120_000);
    await page.goto(apart.link({ name: 'anne', role: 'viewer' })!);
    await page.goto(`${apart.url}/decisions`);
    const passed = page.getByText(/passed without being shown/);
    const hold = page.getByRole('button', { name: 'Hold' });
    await passed.waitFor();
    for (let times = 0; times < 3; times++) {
      const before = await passed.textContent();
      await hold.click();
      await page.getByText('held', { exact: true }).waitFor();
      await hold.click();
      await page.getByText('live', { exact: true }).waitFor();
      await expect.poll(() => passed.textContent(), { timeout: 60_000 }).not.toBe(before);
      // Of the list only what is in sight is drawn.
      expect(await page.locator('*').count()).toBeLessThan(3_000);
    }
    expect(seq).toBeGreaterThan(3_000);
  } finally {
    clearInterval(timer);
    await page.context().close();
    await apart.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});

it('who saw a person is asked without the key in an address, and answered in three lists', async () => {
  const { page } = operator;
  const asked: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  await page.goto(`${pages.origin}/person`);
  await page.getByLabel('Key, as the database has it').fill('7');
  await page.getByRole('button', { name: 'Find' }).click();
  await page.getByText('certainly saw or changed student 7').waitFor();
  for (const name of ['Certainly', 'Perhaps', 'Cannot be told'])
    expect(await page.getByRole('heading', { level: 2, name }).count()).toBe(1);
  await isGood(operator, 'Who saw this person?');
  await isPrintedWhole(page, 'Certainly');
  expect(asked.filter((url) => /[=/]7\b/.test(new URL(url).pathname + new URL(url).search))).toEqual([]);
  expect(page.url()).toBe(`${pages.origin}/person`);
});

it('what one took is shown, and made into a document', async () => {
  const { page, faults } = operator;
  await page.goto(`${pages.origin}/breach?principal=office`);
  await page.getByRole('button', { name: 'Show what it took' }).click();
  await page.getByText('people: student').waitFor();
  await isGood(operator, 'Breach');
  await isPrintedWhole(page, 'Which statements');
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'HTML, to read or print' }).click(),
  ]);
  expect(file.suggestedFilename()).toBe('breach.html');
  expect(faults).toEqual([]);
});

it('another policy is tried out, and nothing is applied', async () => {
  const { page } = operator;
  await page.goto(`${pages.origin}/policies`);
  await page.getByLabel('file').fill('roles/homework_app.yaml');
  const text = page.getByLabel('Text of roles/homework_app.yaml');
  await text.fill(
    (await text.inputValue()).replace('[id, first_name, class_id]', '[id, first_name, class_id, last_name]'),
  );
  for (const name of ['Check', 'Test']) await page.getByRole('checkbox', { name, exact: true }).uncheck();
  await page.getByRole('button', { name: 'Try', exact: true }).click();
  await page
    .getByText(/public\.students\.last_name/)
    .first()
    .waitFor();
  await isGood(operator, 'Policies');
});

it('an operator locks and releases, by name in the decision log; a viewer is offered nothing', async () => {
  const { page } = operator;
  await page.goto(`${pages.origin}/principals/statistics`);
  await page.getByRole('button', { name: /^Lock/ }).click();
  expect(await axe(page)).toEqual([]);
  await page.getByLabel('Reason, as it will stand in the decision log').fill('seen at night');
  await page.getByRole('dialog').getByRole('button', { name: 'Lock', exact: true }).click();
  await page.getByText(/Locked out since .*seen at night/).waitFor();
  const viewer = await pages.open('viewer');
  await viewer.page.getByRole('region', { name: 'Locks' }).getByText('seen at night').waitFor();
  expect(await viewer.page.getByRole('button', { name: /Lock|Release/ }).count()).toBe(0);
  await viewer.page.goto(`${pages.origin}/person`);
  await viewer.page.getByText('This page needs the role “auditor”.').waitFor();
  expect(viewer.faults).toEqual([]);
  await viewer.page.context().close();
  await page.goto(pages.origin);
  await page.getByRole('button', { name: /^Release/ }).click();
  await page.getByLabel('Reason, as it will stand in the decision log').fill('it was the night shift');
  await page.getByRole('dialog').getByRole('button', { name: 'Release', exact: true }).click();
  await page.getByText('No one is locked out.').waitFor();
  const done = (await recordsOf(pages.guard)).filter(({ kind }) => kind === 'lock' || kind === 'release');
  expect(done.map(({ kind, by, reason }) => [kind, String(by).includes('anne'), reason])).toEqual([
    ['lock', true, 'seen at night'],
    ['release', true, 'it was the night shift'],
  ]);
});

/** What is asked for, how its row begins, by whom it is signed under which namespace, its records, and the steps of it in their order. */
const EXCEPTIONS = [
  {
    command: 'permit.request',
    given: { principal: 'canteen', tables: ['students'], rows: 50, forMs: 3_600_000, reason: 'the yearly count' },
    ...{ row: /^export permit/, namespace: 'rowgate-permit', signatures: 2, kind: 'permit', end: 'revoked' },
    steps: ['requested', 'approved', 'approved'],
  },
  {
    command: 'limits.raise',
    given: { principal: 'canteen', limit: '7000 rows per hour', forMs: 3_600_000, reason: 'report cards' },
    ...{ row: /^raise/, namespace: 'rowgate-raise', signatures: 1, kind: 'raise', end: 'revoked' },
    steps: ['requested', 'in-force'],
  },
  {
    command: 'break-glass.ask',
    given: { principal: 'night', forMs: 3_600_000, reason: 'ticket 4711' },
    ...{ row: /^break-glass/, namespace: 'rowgate-break-glass', signatures: 1, kind: 'break-glass', end: 'closed' },
    steps: ['requested', 'opened'],
  },
  {
    command: 'observe.ask',
    given: { role: 'statistics', forMs: 3_600_000, reason: 'the new release fails' },
    ...{ row: /^observation/, namespace: 'rowgate-observe', signatures: 1, kind: 'observe', end: 'ended' },
    steps: ['requested', 'in-force'],
  },
] as const;

describe('exceptions', () => {
  let viewer: Watched | undefined;
  beforeAll(async () => {
    if (chromium.path === undefined) return;
    for (const { command, given } of EXCEPTIONS) await pages.asked(command, given);
    await operator.page.goto(pages.origin);
  });
  afterAll(() => viewer?.page.context().close());

  it.each(EXCEPTIONS)(
    '$kind: an operator approves and refuses it, by name in the decision log; a viewer is offered neither',
    async ({ given, row: named, namespace, signatures, kind, steps, end }) => {
      const { page, faults } = operator;
      const list = page.getByRole('region', { name: 'Exceptions: pending and in force' });
      const row = list.getByRole('row', { name: named });
      const dialog = page.getByRole('dialog');
      for (const { sign } of pages.signers.slice(0, signatures)) {
        await row.getByRole('button', { name: /^Approve/ }).click();
        // What the page shows is what is signed.
        const text = await dialog.locator('pre').first().textContent();
        expect(text).toContain(given.reason);
        await dialog.getByText(`-n ${namespace}`).waitFor();
        if (kind === 'raise') expect(await axe(page)).toEqual([]);
        await dialog.getByLabel('The signature').fill(sign(text!, namespace));
        await dialog.getByRole('button', { name: 'Approve', exact: true }).click();
        await dialog.waitFor({ state: 'hidden' });
      }
      await row.getByText('in force', { exact: true }).waitFor();
      expect(await row.getByRole('button', { name: /^Approve/ }).count()).toBe(0);
      viewer ??= await pages.open('viewer');
      await viewer.page.getByRole('row', { name: named }).getByText(given.reason).waitFor();
      expect(await viewer.page.getByRole('button', { name: /Approve|Refuse/ }).count()).toBe(0);
      if (end) {
        await row.getByRole('button', { name: /^Refuse/ }).click();
        await page.getByLabel('Reason, as it will stand in the decision log').fill('it is done');
        await dialog.getByRole('button', { name: 'Refuse', exact: true }).click();
        await row.waitFor({ state: 'detached' });
      }
      const records = (await recordsOf(pages.guard)).filter((record) => record.kind === kind);
      expect(records.map(({ status, reason }) => [status, reason])).toEqual([
        ...steps.map((status) => [status, given.reason]),
        ...(end ? [[end, 'it is done']] : []),
      ]);
      const [asked, ...done] = records.map(({ by }) => String(by));
      expect(asked).toMatch(/^ines\b/);
      for (const by of done) expect(by).toMatch(/^anne\b/);
      expect(faults).toEqual([]);
    },
  );
});

it.each([
  ['that can do all', [-7, -8], 'sk-ecdsa-sha2-nistp256@openssh.com', [8000, 9000]],
  ['of Ed25519 alone', [-8], 'sk-ssh-ed25519@openssh.com', [6000, 7000]],
] as const)(
  'an approver makes a key %s in the browser and signs with it; its signature counts for no other request',
  async (_, algorithms, type, limits) => {
    const { page, faults } = await pages.open('operator', {}, 'localhost');
    await page.addInitScript(`{
      const create = navigator.credentials.create.bind(navigator.credentials);
      const able = ({ alg }) => ${JSON.stringify(algorithms)}.includes(alg);
      navigator.credentials.create = ({ publicKey }) =>
        create({ publicKey: { ...publicKey, pubKeyCredParams: publicKey.pubKeyCredParams.filter(able) } });
    }`);
    const debug = await page.context().newCDPSession(page);
    await debug.send('WebAuthn.enable');
    const options = {
      protocol: 'ctap2',
      transport: 'usb',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
    } as const;
    await debug.send('WebAuthn.addVirtualAuthenticator', { options });
    const origin = pages.origin.replace('127.0.0.1', 'localhost');
    await page.goto(`${origin}/policies`);
    await page.getByRole('button', { name: 'Make a key' }).click();
    const line = await page.getByText(type).textContent();
    expect(line?.startsWith(`"anne": { key: "${type} `), `${line}`).toBe(true);
    const approvers = join(pages.guard.folder, 'policies/approvers.yaml');
    const others = (await readFile(approvers, 'utf8')).split('\n').filter((each) => !/^ *"anne"/.test(each));
    await writeFile(approvers, `${others.join('\n')}  ${line}\n`);
    await pages.asked('reload', {});
    const [one, other] = limits;
    for (const limit of limits.map((amount) => `${amount} rows per hour`))
      await pages.asked('limits.raise', { principal: 'canteen', limit, forMs: 3_600_000, reason: `up to ${limit}` });
    await page.goto(origin);
    const dialog = page.getByRole('dialog');
    const row = (limit: number) => page.getByRole('row', { name: `up to ${limit} rows` });
    const sign = async (limit: number): Promise<string> => {
      await row(limit)
        .getByRole('button', { name: /^Approve/ })
        .click();
      for (;;) {
        await dialog.getByRole('button', { name: 'Sign with a security key here' }).click();
        const said = await Promise.race([
          dialog.getByRole('alert').textContent(),
          dialog.waitFor({ state: 'hidden' }).then(() => 'signed'),
        ]);
        // The console reads the policies each few seconds.
        if (!said?.includes('this key is of no approver')) return said ?? '';
      }
    };
    let first: { readonly signature: Record<string, string> } | undefined;
    await page.route('**/api/act/approve', async (route) => {
      const order = route.request().postDataJSON();
      first = order;
      await route.continue();
    });
    expect(await sign(one)).toBe('signed');
    await row(one).getByText('in force', { exact: true }).waitFor();
    expect(Object.keys(first?.signature ?? {})).toEqual(['authenticatorData', 'clientDataJSON', 'signature']);
    await page.unroute('**/api/act/approve');
    await page.route('**/api/act/approve', async (route) => {
      const order = { ...route.request().postDataJSON(), signature: first?.signature };
      await route.continue({ postData: JSON.stringify(order) });
    });
    expect(await sign(other)).toContain('this is no signature of an approver');
    const raises = (await recordsOf(pages.guard)).filter(
      ({ kind, reason }) => kind === 'raise' && limits.some((limit) => String(reason).startsWith(`up to ${limit}`)),
    );
    expect(raises.map(({ status, by }) => [status, String(by).split(' ')[0]])).toEqual([
      ['requested', 'ines'],
      ['requested', 'ines'],
      ['in-force', 'anne'],
    ]);
    expect(raises.at(-1)?.raise).toMatchObject({
      approved_by: [{ name: 'anne', key: expect.stringMatching(/^SHA256:/) }],
    });
    expect(faults).toEqual([]);
    await page.context().close();
  },
);

it('speaks French where the browser does, and the language that was chosen', async () => {
  const { page, faults } = await pages.open('auditor', { locale: 'fr-FR' });
  await page.getByRole('heading', { level: 1, name: 'En ce moment' }).waitFor();
  expect(await page.locator('html').getAttribute('lang')).toBe('fr');
  await page.getByText('répond', { exact: true }).waitFor();
  expect(await axe(page)).toEqual([]);
  expect(await overflow(page, 360)).toBe(0);
  await page.getByRole('button', { name: 'English' }).click();
  await page.getByRole('heading', { level: 1, name: 'Now' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { level: 1, name: 'Now' }).waitFor();
  expect(await page.locator('html').getAttribute('lang')).toBe('en');
  expect(faults).toEqual([]);
  await page.context().close();
});

it('the first view is less than 200 kB of script', async () => {
  const { page } = await pages.open('viewer');
  await page.locator('canvas').first().waitFor();
  const names = (await page.evaluate(
    "performance.getEntriesByType('resource').map(({ name }) => name).filter((name) => name.endsWith('.js'))",
  )) as string[];
  const sizes = await Promise.all(
    names.map(async (name) => gzipSync(new Uint8Array(await (await fetch(name)).arrayBuffer())).length),
  );
  expect(names.length).toBeGreaterThan(2);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(200_000);
  await page.context().close();
});

it('says where it is signed out, and where a page is none', async () => {
  const { page } = await pages.open('viewer');
  await page.goto(`${pages.origin}/nowhere`);
  await page.getByRole('heading', { level: 1, name: 'There is no such page' }).waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor();
  expect(await axe(page)).toEqual([]);
  await page.context().close();
});

// The last: the guard is gone after it.
it('a guard that is gone is said where it would stand, and the rest is shown', async () => {
  const { page, faults } = operator;
  await page.goto(pages.origin);
  await page.getByText('answers', { exact: true }).waitFor();
  pages.guard.child.kill('SIGKILL');
  await page.getByText('does not answer', { exact: true }).waitFor();
  expect(await axe(page)).toEqual([]);
  expect(faults).toEqual([]);
});

/** A number for each element, so that two of one text are two. */
const MARKED =
  "document.activeElement === document.body ? 'body' : (document.activeElement.dataset.at ??= String((globalThis.count = (globalThis.count ?? 0) + 1)))";

async function focused(page: Page): Promise<string> {
  return String(await page.evaluate('document.activeElement.textContent'));
}
