/** Questions and answers between the primary and one worker, over Node's ordered messages between processes. */
import type { Messages } from './messages.ts';

/** Handles each message of the other side. Where the answer is null, what it returns does not matter. If it throws, the asking side is rejected. */
export type ChannelHandlers<In extends Messages> = {
  readonly [Name in keyof In]: (
    says: In[Name]['says'],
  ) => In[Name]['answer'] extends null ? unknown : In[Name]['answer'] | Promise<In[Name]['answer']>;
};

type Packet =
  | { readonly say: string; readonly says: unknown; readonly id: number | null }
  | { readonly answerTo: number; readonly answer: unknown }
  | { readonly answerTo: number; readonly failure: string };

interface Waiting {
  readonly done: (answer: unknown) => void;
  readonly failed: (error: Error) => void;
}

export class Channel<Out extends Messages, In extends Messages> {
  private readonly waiting = new Map<number, Waiting>();
  private lastId = 0;
  private closed = false;

  /** `send` must not throw; a message that cannot be sent is lost, and `close` follows. */
  constructor(
    private readonly send: (packet: object) => void,
    private readonly handlers: ChannelHandlers<In>,
  ) {}

  /** Resolves with the answer; rejects if the other side failed or has ended. */
  ask<Name extends keyof Out & string>(say: Name, says: Out[Name]['says']): Promise<Out[Name]['answer']> {
    if (this.closed) return Promise.reject(new Error('the other process has ended'));
    const id = ++this.lastId;
    return new Promise((done, failed) => {
      this.waiting.set(id, { done, failed });
      this.put({ say, says, id });
    });
  }

  /** Sends a message without waiting for an answer. */
  tell<Name extends keyof Out & string>(say: Name, says: Out[Name]['says']): void {
    if (!this.closed) this.put({ say, says, id: null });
  }

  /** Handles a message from the other process. */
  receive(message: unknown): void {
    if (this.closed) return;
    const packet = message as Packet;
    if ('say' in packet) void this.handle(packet.say, packet.says, packet.id);
    else this.settle(packet);
  }

  /** The other process has ended: pending questions are dropped or rejected, later messages ignored. */
  close(): void {
    this.closed = true;
    for (const { failed } of this.waiting.values()) failed(new Error('the other process has ended'));
    this.waiting.clear();
  }

  private async handle(say: string, says: unknown, id: number | null): Promise<void> {
    try {
      const handler = this.handlers[say];
      if (!handler) throw new Error(`unknown message "${say}"`);
      const answer = (await handler(says)) ?? null;
      if (id !== null) this.put({ answerTo: id, answer });
    } catch (error) {
      if (id !== null) this.put({ answerTo: id, failure: error instanceof Error ? error.message : String(error) });
    }
  }

  private settle(packet: Exclude<Packet, { say: string }>): void {
    const waiting = this.waiting.get(packet.answerTo);
    this.waiting.delete(packet.answerTo);
    if ('failure' in packet) waiting?.failed(new Error(packet.failure));
    else waiting?.done(packet.answer);
  }

  private put(packet: Packet): void {
    if (!this.closed) this.send(packet);
  }
}
