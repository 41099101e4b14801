/** A query whose portal returns its rows page by page, as cursor libraries for node-postgres do: Execute with a row limit and Flush. */
import type pg from 'pg';

type Row = readonly (string | null)[];

export class PagedQuery implements pg.Submittable {
  private connection: pg.Connection | undefined;
  private page: Row[] = [];
  private waiting: { resolve: (rows: Row[]) => void; reject: (error: Error) => void } | undefined;
  private done: (() => void) | undefined;
  private failed: Error | undefined;

  constructor(
    private readonly text: string,
    private readonly values: readonly unknown[],
  ) {}

  submit(connection: pg.Connection): void {
    this.connection = connection;
    connection.parse({ name: '', text: this.text, types: [] }, true);
    connection.bind({ values: this.values.map(String) }, true);
    connection.describe({ type: 'P', name: '' }, true);
    connection.flush();
  }

  next(rows: number): Promise<Row[]> {
    if (this.failed) return Promise.reject(this.failed);
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject };
      this.connection?.execute({ rows: String(rows) }, true);
      this.connection?.flush();
    });
  }

  /** Ends it; resolves when the server is ready for the next. */
  close(): Promise<void> {
    return new Promise((done) => {
      this.done = done;
      this.connection?.close({ type: 'P', name: '' }, true);
      this.connection?.sync();
    });
  }

  handleRowDescription(): void {}

  handleDataRow({ fields }: { fields: Row }): void {
    this.page.push(fields);
  }

  handlePortalSuspended(): void {
    this.deliver();
  }

  handleCommandComplete(): void {
    this.deliver();
  }

  handleError(error: Error): void {
    this.failed = error;
    this.waiting?.reject(error);
    this.connection?.sync();
  }

  handleReadyForQuery(): void {
    this.done?.();
  }

  private deliver(): void {
    this.waiting?.resolve(this.page);
    this.page = [];
  }
}
