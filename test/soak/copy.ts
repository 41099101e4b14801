/** COPY with node-postgres, which leaves it to submittables: these get the connection and see its messages. */
import type pg from 'pg';

interface Connection {
  query(text: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

/** The handlers that node-postgres calls; those not needed here do nothing. */
class Copy {
  rows = 0;
  constructor(
    private readonly text: string,
    private readonly data: string | undefined,
    private readonly done: (error: Error | undefined, rows: number) => void,
  ) {}
  submit(connection: Connection): void {
    connection.query(this.text);
  }
  handleCopyInResponse(connection: Connection): void {
    connection.sendCopyFromChunk(Buffer.from(this.data ?? ''));
    connection.endCopyFrom();
  }
  handleCopyData(): void {
    this.rows += 1;
  }
  handleError(error: Error): void {
    this.done(error, 0);
  }
  handleReadyForQuery(): void {
    this.done(undefined, this.rows);
  }
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handlePortalSuspended(): void {}
  handleCommandComplete(): void {}
  handleEmptyQuery(): void {}
}

function run(client: pg.Client, text: string, data?: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const copy = new Copy(text, data, (error, rows) => (error ? reject(error) : resolve(rows)));
    client.query(copy as unknown as pg.Submittable);
  });
}

/** How many pieces of data came. */
export function copyOut(client: pg.Client, text: string): Promise<number> {
  return run(client, text);
}

export function copyIn(client: pg.Client, text: string, data: string): Promise<number> {
  return run(client, text, data);
}
