/** A connection that is opened again when it was closed: the closing counts as an answer, too. */
import type { Frame, Lane, Login } from '../noninterference/lane.ts';
import { openLane } from '../noninterference/lane.ts';

const CLOSED: readonly Frame[] = [{ type: 'closed', body: Buffer.alloc(0) }];

export class Line {
  private constructor(
    private readonly login: Login,
    private lane: Lane,
  ) {}

  static async open(login: Login): Promise<Line> {
    return new Line(login, await openLane(login));
  }

  /** `readies`: how many ReadyForQuery the bytes will be answered with. */
  async ask(bytes: Buffer, readies: number): Promise<readonly Frame[]> {
    try {
      return await this.lane.send(bytes, readies);
    } catch {
      this.lane.end();
      this.lane = await openLane(this.login);
      return CLOSED;
    }
  }

  end(): void {
    this.lane.end();
  }
}
