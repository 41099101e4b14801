/** A teacher at work, as her application does it: a query every quarter of a second, and how long each took. */
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';

/** For one part of the lesson. */
export interface Pace {
  readonly part: string;
  readonly statements: number;
  readonly failed: number;
  /** Milliseconds. */
  readonly median: number;
  readonly slowest: number;
}

const EVERY_MS = 250;
const PUPILS = 'SELECT id, first_name, last_name FROM students WHERE class_id = $1 ORDER BY last_name, first_name';
const ABSENT =
  'SELECT s.id, a.half_day, a.justified FROM absences a JOIN students s ON s.id = a.student_id WHERE s.class_id = $1 AND a.day = current_date';
const MARKS = 'SELECT g.student_id, g.subject, g.term, g.mark FROM grades g WHERE g.student_id = $1 ORDER BY g.subject';

export class Lesson {
  private readonly parts: Pace[] = [];
  private took: number[] = [];
  private failed = 0;
  private over = false;
  private readonly teaching: Promise<void>;

  private constructor(
    private readonly client: pg.Client,
    private readonly classId: number,
  ) {
    this.teaching = this.teach();
  }

  static async begin(url: string): Promise<Lesson> {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => {}); // the statement's own error reports it
    await client.connect();
    const { rows } = await client.query('SELECT id FROM classes ORDER BY id LIMIT 1');
    return new Lesson(client, rows[0]?.id);
  }

  /** Ends a part: it has all queries since the last call. */
  part(name: string): Pace {
    const sorted = this.took.toSorted((a, b) => a - b);
    const pace: Pace = {
      part: name,
      statements: sorted.length,
      failed: this.failed,
      median: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN,
      slowest: sorted.at(-1) ?? Number.NaN,
    };
    this.parts.push(pace);
    this.took = [];
    this.failed = 0;
    return pace;
  }

  /** May be called again. */
  async end(): Promise<readonly Pace[]> {
    if (!this.over) {
      this.over = true;
      await this.teaching;
      await this.client.end();
    }
    return this.parts;
  }

  private async teach(): Promise<void> {
    const pupils = (await this.ask(PUPILS, this.classId)).map(({ id }) => id);
    for (let turn = 0; !this.over; turn += 1) {
      if (turn % 8 === 0) await this.ask(PUPILS, this.classId);
      else if (turn % 8 === 4) await this.ask(ABSENT, this.classId);
      else await this.ask(MARKS, pupils[turn % pupils.length]);
      await pause(EVERY_MS);
    }
  }

  private async ask(sql: string, value: unknown): Promise<pg.QueryResultRow[]> {
    const before = performance.now();
    try {
      return (await this.client.query(sql, [value])).rows;
    } catch {
      this.failed += 1;
      return [];
    } finally {
      this.took.push(performance.now() - before);
    }
  }
}
