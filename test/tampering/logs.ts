/** Small real logs to tamper with: several workers and files, seals after few records, anchors as they would have been sent. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Anchor } from '../../src/decision-log/chain/seal.ts';
import { sealKeyIn } from '../../src/decision-log/seals/seal-key.ts';
import { type Verification, type VerifyOptions, verifyLog } from '../../src/decision-log/verify/verify.ts';
import { type DecisionLog, openLog } from '../../src/decision-log/writer/log.ts';

export interface Shape {
  /** 1: one process, the guard `g1`; more: workers `g1/1` … */
  readonly workers: number;
  readonly records: number;
  /** The size of a file. */
  readonly bytes: number;
  /** Records to a seal. */
  readonly sealed: number;
  /** Closed files are compressed. */
  readonly compressed: boolean;
  /** Restarts of the guard on the way. */
  readonly restarts: number;
  /** At each restart the guard has another name: `g1`, `g2`, … */
  readonly renamed: boolean;
}

/** Whole files, unpacked, by their names. */
export type Contents = Map<string, string>;

const SHAPE: Shape = {
  workers: 1,
  records: 60,
  bytes: 6_000,
  sealed: 7,
  compressed: false,
  restarts: 0,
  renamed: false,
};

const WHO = {
  principal: 'teacher_1',
  role: 'teacher',
  attributes: {},
  client: '127.0.0.1:1',
  database: 'ent',
  application: '',
};
const DECISION = {
  kind: 'decision',
  command: 'SELECT',
  statement: 'SELECT 1',
  tables: [],
  columns: [],
  effect: 'allow',
  policy: 'sha256:0',
  text: '',
} as const;
const OUTCOME = { kind: 'outcome', bytes: 1, changed: 0, ms: 1, status: 'ok' } as const;

const SECOND = 1000;
const BEGIN = Date.UTC(2026, 10, 25, 9);

export class TestLog {
  private constructor(
    readonly folder: string,
    readonly shape: Shape,
    /** As they were sent: all of them. */
    readonly anchors: readonly Anchor[],
  ) {}

  static build(overrides: Partial<Shape> = {}): TestLog {
    const shape = { ...SHAPE, ...overrides };
    const folder = mkdtempSync(join(tmpdir(), 'rowgate-test-tampering-'));
    const anchors: Anchor[] = [];
    const key = sealKeyIn(join(folder, 'seal.key'));
    let now = BEGIN;
    const names = shape.workers === 1 ? [''] : Array.from({ length: shape.workers }, (_, i) => String(i + 1));
    const lives = shape.restarts + 1;
    for (let life = 0; life < lives; life++) {
      const base = shape.renamed ? `g${life + 1}` : 'g1';
      const logs = new Map<string, DecisionLog>();
      for (const name of names) {
        const guard = name === '' ? base : `${base}/${name}`;
        const log = openLog({
          file: join(folder, name === '' ? 'decisions.jsonl' : `decisions.${name}.jsonl`),
          durability: 'batched',
          text: 'normalized',
          guard,
          rotate: { bytes: shape.bytes },
          seal: { key, everyMs: 3_600_000, records: shape.sealed },
          clock: () => (now += 100),
        });
        log.onSeal((anchor) => {
          anchors.push(anchor);
          const head = { chain: anchor.chain, ...anchor.of };
          for (const [other, its] of logs) if (other !== guard) its.heard(guard, head);
        });
        logs.set(guard, log);
        log.append('start', { version: '0', configuration: 'sha256:0' });
      }
      const all = [...logs.values()];
      const sessions = all.map((log, n) => log.session({ ...WHO, session: `s${n}` }));
      for (let i = 0; i < shape.records / lives; i++) {
        const [turn, which] = [Math.floor(i / all.length), i % all.length];
        const id = `${life}-${which}-${Math.floor(turn / 3)}`;
        if (turn % 3 === 1) sessions[which]?.append({ ...DECISION, id, fingerprint: `f${turn % 2}` });
        else if (turn % 3 === 2) sessions[which]?.append({ ...OUTCOME, id, rows: i });
        else
          all[which]?.append('login', {
            session: `s${i}`,
            principal: i % 5 === 0 ? 'thief' : `teacher_${i % 3}`,
            message: 'é'.repeat(i % 7),
          });
        now += SECOND;
      }
      for (const log of all) {
        log.append('stop', {});
        void log.close();
      }
    }
    if (shape.compressed) {
      for (const name of readdirSync(folder).filter((name) => /\.\d{12}\.jsonl$/.test(name))) {
        const path = join(folder, name);
        writeFileSync(`${path}.gz`, gzipSync(readFileSync(path)));
        rmSync(path);
      }
    }
    return new TestLog(folder, shape, anchors);
  }

  get log(): string {
    return join(this.folder, 'decisions.jsonl');
  }

  private names(): string[] {
    return readdirSync(this.folder)
      .filter((name) => /\.jsonl(\.gz)?$/.test(name))
      .sort();
  }

  /** In the order of their names. */
  read(): Contents {
    return new Map(
      this.names().map((name) => {
        const bytes = readFileSync(join(this.folder, name));
        return [name, (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1')];
      }),
    );
  }

  /** Puts these files in the place of those that are there. */
  write(contents: Contents): void {
    for (const name of this.names()) rmSync(join(this.folder, name));
    for (const [name, text] of contents) {
      const bytes = Buffer.from(text, 'latin1');
      writeFileSync(join(this.folder, name), name.endsWith('.gz') ? gzipSync(bytes) : bytes);
    }
  }

  verify(options: Partial<VerifyOptions> = {}): Promise<Verification> {
    return verifyLog({ log: this.log, keys: [], anchors: [], longestUnsealedMs: 3_600_000, ...options });
  }

  /** With the anchors that were sent. */
  verifyAnchored(anchors: readonly Anchor[] = this.anchors): Promise<Verification> {
    const folder = join(this.folder, 'elsewhere');
    mkdirSync(folder, { recursive: true });
    const file = join(folder, 'anchors.log');
    const line = (anchor: Anchor) => `Nov 25 09:00:00 g1 rowgate - anchor ${JSON.stringify(anchor)}\n`;
    writeFileSync(file, anchors.map(line).join(''));
    return this.verify({ anchors: [file] });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
