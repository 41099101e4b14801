/** What the pages have in common: the configuration, the guards and their logs, the policies on the catalog, and the commands. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PolicyReader } from '../app/policy-reader.ts';
import { catalogText } from '../catalog/file.ts';
import type { Config } from '../config/config.ts';
import { reasonOf } from '../core/error-text.ts';
import { openerWith, readIdentities } from '../decision-log/encryption/opening.ts';
import type { OpenerOf } from '../decision-log/read/encrypted.ts';
import { chainsOf } from '../decision-log/read/log-files.ts';
import type { Policy } from '../policy/model/policy.ts';
import type { Catalog } from '../sql/catalog/catalog.ts';
import { loadParser } from '../sql/parse/parse.ts';
import { guardsOf, type ShownGuard } from './guards.ts';
import { LogTail } from './log-tail.ts';
import { Remembered, WhatIsNow } from './now.ts';
import type { OwnCommand } from './own-command.ts';
import { ConsoleProblem } from './problem.ts';

/** The folder is watched by guards; a page asks now and then. */
const POLICIES_MS = 5_000;
/** A report over a log is made for all who look. */
const REPORT_MS = 30_000;
const MOST_REPORTS = 50;

export interface PoliciesNow {
  readonly policy: Policy;
  readonly catalog: Catalog;
  readonly errors: readonly string[];
}

export class Ground {
  readonly guards: readonly ShownGuard[];
  readonly tail: LogTail;
  readonly now: WhatIsNow;
  private readonly reader: PolicyReader;
  private readonly reading: Remembered<PoliciesNow>;
  private readonly reports = new Map<string, Remembered<unknown>>();

  constructor(
    readonly config: Config,
    readonly command: OwnCommand,
  ) {
    this.guards = guardsOf(config);
    this.tail = new LogTail(this.guards, openerIn(config));
    this.now = new WhatIsNow(this.guards, this.tail);
    this.reader = new PolicyReader(config);
    this.reading = new Remembered(POLICIES_MS, () => this.read());
  }

  /** Throws if there is no guard of that name. */
  guard(name: string): ShownGuard {
    const guard = this.guards.find((one) => one.name === name);
    if (!guard) throw new ConsoleProblem('unknown', `there is no guard "${name}" here`);
    return guard;
  }

  policies(): Promise<PoliciesNow> {
    return this.reading.get();
  }

  /** Options by which a command finds the log of all guards, or of one. */
  logWords(guards = this.guards): string[] {
    const { file, console: settings } = this.config;
    const files = guards.every(({ isOwn }) => isOwn) ? [] : guards.flatMap(({ log }) => chainsOf(log).flat());
    return [
      `--config=${file}`,
      ...files.map((name) => `--log=${name}`),
      ...(settings.identity === undefined ? [] : [`--identity=${settings.identity}`]),
    ];
  }

  /** What the command says as JSON; asked once for all who ask the same within half a minute. */
  report(words: readonly string[]): Promise<unknown> {
    const key = JSON.stringify(words);
    const known = this.reports.get(key) ?? new Remembered(REPORT_MS, () => this.command.json({ words }));
    this.reports.delete(key);
    this.reports.set(key, known);
    const [oldest] = this.reports.keys();
    if (this.reports.size > MOST_REPORTS && oldest !== undefined) this.reports.delete(oldest);
    return known.get();
  }

  /** Runs `work` with a new private folder, which is removed afterwards. */
  async inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
    const folder = mkdtempSync(join(tmpdir(), 'rowgate-console-'));
    try {
      return await work(folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  private async read(): Promise<PoliciesNow> {
    await loadParser();
    try {
      const { policy, catalog, errors, lastGood } = await this.reader.read();
      const found = policy ?? lastGood?.policy;
      if (!found) throw new Error(errors.join('; '));
      return { policy: found, catalog, errors };
    } catch (error) {
      throw new ConsoleProblem('failed', `the policies cannot be read with the database's catalog: ${reasonOf(error)}`);
    }
  }
}

/** `catalog.json`, for commands that are to ask no database. */
export function savedCatalog({ data }: Catalog): string {
  return catalogText(data);
}

function openerIn({ console: { identity } }: Config): OpenerOf | undefined {
  const identities = identity === undefined ? undefined : readIdentities(identity);
  return identities && !('problem' in identities) ? openerWith(identities) : undefined;
}
