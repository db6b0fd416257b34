/**
 * How much may wait to be sent, over all peers of a session.
 *
 * @module
 */

/** What the budget must know of a connection; a `PeerConnection` fits. */
export interface Sender {
  /** Bytes waiting to be sent. */
  readonly bufferedBytes: number;
  /** Ends it. */
  close(error: Error): unknown;
}

/** So little is not looked at. */
const LITTLE = 65_536;

/**
 * Adds up what waits for peers that do not read; when that is too much, those
 * with the most bytes queued are closed.
 */
export class SendBudget {
  readonly #most: number;
  #waiting: Sender[] = [];

  constructor(mostBytes: number) {
    this.#most = mostBytes;
  }

  /** Looks at a connection, once in a round. */
  look(sender: Sender): void {
    if (sender.bufferedBytes > LITTLE) this.#waiting.push(sender);
  }

  /** Ends a round: closes the connections with the most bytes until the rest fits. */
  settle(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    let sum = waiting.reduce((sum, sender) => sum + sender.bufferedBytes, 0);
    waiting.sort((a, b) => b.bufferedBytes - a.bufferedBytes);
    for (const sender of waiting) {
      if (sum <= this.#most) return;
      sum -= sender.bufferedBytes;
      sender.close(
        new Error("Too many bytes are queued, most of them for this peer"),
      );
    }
  }
}
