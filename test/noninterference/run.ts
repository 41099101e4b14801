/** Runs generated statements in both guarded databases and in the one with only visible rows, and compares the answers. */
import { everyByte, refusals, sqlstates, whatIsSeen } from './compare.ts';
import type { Frame, Lane } from './lane.ts';
import { type Script, script } from './scripts.ts';
import type { Guarded, World } from './worlds.ts';

export interface Difference {
  readonly seed: number;
  readonly script: Script;
  /** Lines of the answers that the other one has not. */
  readonly one: readonly string[];
  readonly other: readonly string[];
}

export interface Report {
  ran: number;
  /** Nothing in it was refused. */
  allowed: number;
  /** Cut off by `statement_timeout` in one world: not compared. */
  timedOut: number;
  /** Compared with the world of visible rows. */
  equalled: number;
  /** Between the guarded worlds. */
  readonly differences: Difference[];
  /** Between a guarded world and the world of visible rows. */
  readonly apart: Difference[];
  readonly refusals: Map<string, number>;
  /** SQLSTATEs of what was allowed. */
  readonly failures: Map<string, number>;
}

export interface RunOptions {
  readonly seed: number;
  readonly runs: number;
  /** Ends the run at the first difference. */
  readonly untilDifference?: boolean;
  readonly deadline?: number;
  readonly only?: (script: Script) => boolean;
}

/**
 * Connections that read, of each world, and how the server plans on each of `many`; one more for what locks. The last as where tables
 * are large: in a parallel plan a subquery that depends on no row runs before all rows.
 */
const PLANS = [
  [],
  ['enable_hashjoin = off'],
  ['enable_nestloop = off'],
  [
    'min_parallel_table_scan_size = 0',
    'min_parallel_index_scan_size = 0',
    'parallel_setup_cost = 0',
    'parallel_tuple_cost = 0',
  ],
] as const;
/**
 * Where plans are shown: how a table is read follows from its pages and how many of them are all visible, and these from when it was last
 * vacuumed, in a database in which the role itself writes.
 */
const INDEXED = [
  ...['seqscan', 'indexonlyscan', 'bitmapscan', 'hashjoin', 'mergejoin'],
  ...['hashagg', 'incremental_sort', 'material', 'memoize'],
].map((way) => `enable_${way} = off`);
/** Statements under way on each. */
const DEPTH = 3;
const TIMED_OUT = '57014';

interface Lanes {
  readonly few: Lane;
  readonly many: Lane;
  readonly seen: Lane | undefined;
}

export class Runner {
  private constructor(
    private readonly names: { readonly few: string; readonly many: string },
    private readonly reading: readonly Lanes[],
    private readonly locking: Lanes,
    private readonly explaining: Lanes,
    private readonly rowTypes: ReadonlySet<number>,
  ) {}

  static async open({ few, many }: Guarded, seen?: World): Promise<Runner> {
    const open = async (settings: readonly string[], ofFew: readonly string[] = []): Promise<Lanes> => ({
      few: await few.open(ofFew),
      many: await many.open(settings),
      seen: await seen?.open(),
    });
    const locking = await open([]);
    const explaining = await open(INDEXED, INDEXED);
    const reading: Lanes[] = [];
    for (const settings of PLANS) reading.push(await open(settings));
    const types = await few.database.query<{ oid: number }>(`SELECT oid::integer FROM pg_type WHERE typtype = 'c'`);
    const names = { few: few.database.name, many: many.database.name };
    return new Runner(names, reading, locking, explaining, new Set(types.map(({ oid }) => oid)));
  }

  async run(options: RunOptions): Promise<Report> {
    const report = emptyReport();
    let next = 0;
    const locking: [number, Script][] = [];
    let generated = false;
    const waiting: (() => void)[] = [];
    const wake = (): void => {
      for (const woken of waiting.splice(0)) woken();
    };
    const done = (): boolean =>
      (options.untilDifference === true && report.differences.length > 0) ||
      (options.deadline !== undefined && Date.now() > options.deadline);
    const read = async (lanes: Lanes): Promise<void> => {
      while (next < options.runs && !done()) {
        const seed = options.seed + next;
        next += 1;
        const made = script(seed);
        if (options.only && !options.only(made)) continue;
        if (made.locks) {
          locking.push([seed, made]);
          wake();
        } else await this.one(seed, made, lanes, report);
      }
    };
    const lock = async (): Promise<void> => {
      while (!done()) {
        const taken = locking.shift();
        if (taken) await this.one(taken[0], taken[1], this.alone(taken[1]), report);
        else if (generated) return;
        else await new Promise<void>((woken) => waiting.push(woken));
      }
    };
    const readers = this.reading.flatMap((lanes) => Array.from({ length: DEPTH }, () => read(lanes)));
    // All on one connection: the server runs one after the other.
    const lockers = Array.from({ length: DEPTH }, lock);
    await Promise.all(readers);
    generated = true;
    wake();
    await Promise.all(lockers);
    return report;
  }

  /** Whether a script tells the guarded worlds, or the third from them, apart. */
  async tells(made: Script, from: 'differences' | 'apart'): Promise<Difference | undefined> {
    const report = emptyReport();
    await this.one(0, made, this.alone(made), report);
    return report[from][0];
  }

  end(): void {
    for (const { few, many, seen } of [...this.reading, this.locking, this.explaining])
      for (const lane of [few, many, seen]) lane?.end();
  }

  /** For what runs beside no other. */
  private alone({ way }: Script): Lanes {
    return way === 'explain' ? this.explaining : this.locking;
  }

  private async one(seed: number, made: Script, lanes: Lanes, report: Report): Promise<void> {
    const { bytes, readies, ordered } = made;
    const own = made.apart ? undefined : lanes.seen;
    const [few, many, seen] = await Promise.all([
      lanes.few.send(bytes, readies),
      lanes.many.send(bytes, readies),
      own?.send(bytes, readies),
    ]);
    report.ran += 1;
    if ([few, many, seen ?? []].some((frames) => sqlstates(frames).includes(TIMED_OUT))) {
      report.timedOut += 1;
      return;
    }
    const refused = refusals(few);
    if (refused.length === 0) report.allowed += 1;
    count(
      report.refusals,
      refused.slice(0, 1).map((message) => message.replace(/"[^"]*"|\d+/g, '…')),
    );
    const failsAnyhow = mayFailTwice(made) || failsOfAnotherRow(few, many);
    const shown = (frames: readonly Frame[], database: string) => everyByte(frames, { ordered, failsAnyhow }, database);
    const different = differenceOf(shown(few, this.names.few), shown(many, this.names.many));
    if (different) report.differences.push({ seed, script: made, ...different });
    if (refused.length > 0) return;
    count(report.failures, sqlstates(few).slice(0, 1));
    if (seen && !violates(few) && !failsInside(seen, made)) {
      report.equalled += 1;
      const apart = differenceOf(whatIsSeen(few, ordered, this.rowTypes), whatIsSeen(seen, ordered, this.rowTypes));
      if (apart) report.apart.push({ seed, script: made, ...apart });
    }
  }
}

/** In MERGE one action may fail for one row and another for another: which comes first is as open as the order of the rows. */
const mayFailTwice = ({ texts }: Script): boolean => texts.some((text) => /\bMERGE INTO\b/.test(text));

/** Conditions of a row that is written: integrity constraints, and the row filter. */
const OF_A_ROW = new Set(['23502', '23503', '23505', '23514', '42501']);

/** Any write of several rows can fail in one row or another: errors are compared where both are of one kind. */
function failsOfAnotherRow(few: readonly Frame[], many: readonly Frame[]): boolean {
  const [one, other] = [few, many].map((frames) => sqlstates(frames)[0] ?? '');
  return one !== other && OF_A_ROW.has(one!) && OF_A_ROW.has(other!);
}

/** A row that the role may not write: the world of visible rows has no policy to say so. */
const violates = (frames: readonly Frame[]): boolean => sqlstates(frames).includes('42501');

/**
 * A planner that met what it did not expect, without a guard: as 18.4 for `NULL IS NOT NULL` of a whole row in the condition of an outer
 * join; or that keeps WITH TIES in the subquery by which it finds a max() of a constant, and gets a row of each tie.
 */
const failsInside = (frames: readonly Frame[], { texts }: Script): boolean =>
  sqlstates(frames).some((s) => s === 'XX000' || (s === '21000' && texts.some((text) => text.includes('WITH TIES'))));

function differenceOf(one: string[], other: string[]): Pick<Difference, 'one' | 'other'> | undefined {
  if (one.length === other.length && one.every((line, i) => line === other[i])) return undefined;
  const at = one.findIndex((line, i) => line !== other[i]);
  const from = at < 0 ? one.length : at;
  return { one: one.slice(from, from + 3), other: other.slice(from, from + 3) };
}

function count(counts: Map<string, number>, words: readonly string[]): void {
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
}

function emptyReport(): Report {
  return {
    ran: 0,
    allowed: 0,
    timedOut: 0,
    equalled: 0,
    differences: [],
    apart: [],
    refusals: new Map(),
    failures: new Map(),
  };
}
