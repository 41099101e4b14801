/** One COPY FROM STDIN while it runs: its statement, and how much has come in. */

import type { Execution } from '../state/execution.ts';
import { type RowCounter, rowCounter } from './copy-rows.ts';

export class Copying {
  /** Data has come. */
  begun = false;
  /** Of data, so far. */
  private bytes = 0;
  /** undefined if rows are not limited. */
  private readonly counter: RowCounter | undefined;

  constructor(readonly run: Execution) {
    const { kind } = run.statement;
    const limited = run.watch.input?.changed !== undefined && kind.kind === 'copy-in';
    this.counter = limited ? rowCounter(kind.format) : undefined;
  }

  /** A message of so many bytes of data begins. @returns whether it fits; the run is cut if not. */
  begin(bytes: number): boolean {
    this.begun = true;
    this.bytes += bytes;
    return this.run.admitInput(this.counter?.rows ?? 0, this.bytes);
  }

  /** Data, or a piece of it. @returns whether the rows in it fit; the run is cut if not. */
  take(data: Uint8Array): boolean {
    this.counter?.push(data);
    return this.run.admitInput(this.counter?.rows ?? 0, this.bytes);
  }

  /** The end of the data. A last row may come without a line end. @returns whether all of it fits; the run is cut if not. */
  end(): boolean {
    const { rows = 0, unfinished = false } = this.counter ?? {};
    return this.run.admitInput(rows + (unfinished ? 1 : 0), this.bytes);
  }
}
