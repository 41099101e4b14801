/** Files of a log as a guard leaves them, written by hand: records are numbered, files closed, compressed, moved away and deleted. */
import { appendFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { closedName } from '../../src/decision-log/chain/files.ts';

export class LogFolder {
  readonly folder = mkdtempSync(join(tmpdir(), 'rowgate-forward-'));
  readonly log = join(this.folder, 'decisions.jsonl');
  private seq = 0;
  private first = 1;
  private readonly closed: string[] = [];

  constructor(public chain = 'chain-1') {
    this.segment();
  }

  get last(): number {
    return this.seq;
  }

  record(fields: Record<string, unknown> = {}): number {
    this.append({ kind: 'login', principal: `p${this.seq + 1}`, ...fields });
    return this.seq;
  }

  decision(id: string, session = 's1'): void {
    const who = {
      session,
      principal: 'p',
      role: 'teacher',
      client: '10.0.0.7:5',
      database: 'ent',
      policy: 'sha256:aa',
    };
    const what = {
      command: 'SELECT',
      fingerprint: 'f1',
      statement: 'SELECT 1',
      tables: ['public.students'],
      columns: [],
    };
    this.append({ kind: 'decision', id, ...who, ...what, effect: 'allow' });
  }

  outcome(id: string): void {
    this.append({ kind: 'outcome', id, principal: 'p', rows: 3, bytes: 0, changed: 0, ms: 1, status: 'ok' });
  }

  /** Text that a crash has torn, and the line end that the next guard puts behind it. */
  tear(): void {
    appendFileSync(this.log, '{"time":"2026-11-27T1\n');
  }

  /** Half a line; the rest is for `finish`. */
  begin(): () => void {
    const line = this.line({ kind: 'login' });
    appendFileSync(this.log, line.slice(0, 20));
    return () => appendFileSync(this.log, line.slice(20));
  }

  rotate(): string {
    const path = closedName(this.log, this.first);
    renameSync(this.log, path);
    this.closed.push(path);
    this.first = this.seq + 1;
    this.segment();
    return path;
  }

  /** As logrotate does it, with a guard that is told. */
  moveAway(suffix: string): void {
    renameSync(this.log, `${this.log}${suffix}`);
    this.first = this.seq + 1;
    this.segment();
  }

  compress(path: string): void {
    writeFileSync(`${path}.gz`, gzipSync(readFileSync(path)));
    rmSync(path);
  }

  delete(path: string): void {
    rmSync(path, { force: true });
    rmSync(`${path}.gz`, { force: true });
  }

  /** Everything is gone, and another guard begins. */
  replaceLog(chain: string): void {
    for (const path of [this.log, ...this.closed]) this.delete(path);
    this.chain = chain;
    this.seq = 0;
    this.first = 1;
    this.segment();
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private segment(): void {
    this.append({ kind: 'segment', chain: this.chain, format: 1 });
  }

  private append(fields: Record<string, unknown>): void {
    appendFileSync(this.log, this.line(fields));
  }

  private line({ kind, ...fields }: Record<string, unknown>): string {
    this.seq += 1;
    const record = { time: new Date(1.78e12 + this.seq).toISOString(), kind, guard: 'g1', seq: this.seq, ...fields };
    return `${JSON.stringify({ ...record, hash: 'x'.repeat(43) })}\n`;
  }
}
