import type {
  BlockAddress,
  PeerMessage,
  PeerSessionEvent,
  PeerSessionOptions,
} from "../../peer/mod.ts";
import { PeerMessageDecoder, PeerSessionMachine } from "../../peer/mod.ts";
import { copyMessage } from "./copy_message.ts";

/** A machine under test, its outputs sorted into lists. */
export class TestSession {
  readonly machine: PeerSessionMachine;
  readonly sent: PeerMessage[] = [];
  readonly #decoder = new PeerMessageDecoder();
  readonly events: PeerSessionEvent[] = [];
  closed = false;
  error: Error | undefined;
  now = 0;

  constructor(options: PeerSessionOptions = {}) {
    this.machine = new PeerSessionMachine(options, 0);
    this.drain();
  }

  drain(): void {
    while (true) {
      const output = this.machine.poll();
      if (output === undefined) break;
      if (this.closed) throw new Error("Output after close");
      if (output.type === "close") {
        this.closed = true;
        this.error = output.error;
      } else this.events.push(output);
    }
    const bytes = this.machine.take();
    this.#decoder.push(
      bytes,
      (message) => this.sent.push(copyMessage(message)),
    );
    this.machine.recycle(bytes);
  }

  /** The peer sends messages. */
  receive(...messages: PeerMessage[]): this {
    for (const message of messages) {
      this.machine.receive(message, this.now);
      this.drain();
    }
    return this;
  }

  /** We command. */
  does(command: (machine: PeerSessionMachine, now: number) => unknown): this {
    command(this.machine, this.now);
    this.drain();
    return this;
  }

  /** Everything that waits goes out. */
  flush(): this {
    return this.does((machine, now) => machine.sent(0, now));
  }

  /** Lets time pass, as a driver would; what waits goes out at once. */
  advance(ms: number, flush = true): this {
    const end = this.now + ms;
    for (let steps = 0; steps < 10_000; steps++) {
      const { deadline } = this.machine;
      if (deadline === undefined || deadline > end) break;
      this.now = Math.max(this.now, deadline);
      this.machine.handleTimeout(this.now);
      this.drain();
      if (flush) this.flush();
    }
    this.now = end;
    return this;
  }

  take(): { sent: PeerMessage[]; events: PeerSessionEvent[] } {
    return { sent: this.sent.splice(0), events: this.events.splice(0) };
  }

  get code(): string | undefined {
    return (this.error as { code?: string } | undefined)?.code;
  }
}

export const block = (
  pieceIndex: number,
  number = 0,
  length = 16_384,
): BlockAddress => ({ pieceIndex, blockOffset: number * 16_384, length });

export const pieceOf = (
  request: { pieceIndex: number; blockOffset: number; length: number },
): PeerMessage => ({
  type: "piece",
  pieceIndex: request.pieceIndex,
  blockOffset: request.blockOffset,
  data: new Uint8Array(request.length),
});
