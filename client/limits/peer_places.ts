/**
 * The connections that the torrents of a session share, and what waits to be
 * sent over them.
 *
 * @module
 */

/** What the budget must know of a connection; a `PeerConnection` fits. */
interface Sender {
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

/** A torrent that holds places. */
export interface PlaceHolder {
  /** How many it holds. */
  readonly places: number;
  /** Gives one up that it has little use for; whether it did. */
  giveUp(): boolean;
  /** There is room again. */
  onRoom(): void;
}

/** Counts connections over all torrents, and finds room for more. */
export class PeerPlaces {
  readonly #max: number;
  readonly #holders = new Set<PlaceHolder>();
  readonly #waiting = new Set<PlaceHolder>();
  /** How many are taken. */
  taken = 0;

  constructor(max = 500) {
    this.#max = max;
  }

  /** Whether none is free. */
  get full(): boolean {
    return this.taken >= this.#max;
  }

  /** Takes a place. */
  take(holder: PlaceHolder): void {
    this.taken++;
    this.#holders.add(holder);
  }

  /** Gives a place back. */
  free(holder: PlaceHolder): void {
    this.taken--;
    if (holder.places === 0) this.#holders.delete(holder);
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#waiting.delete(next);
    next.onRoom();
  }

  /** Calls a holder once when there is room. */
  wait(holder: PlaceHolder): void {
    this.#waiting.add(holder);
  }

  /** Has the torrent with the most connections give one up. */
  makeRoom(): boolean {
    let most: PlaceHolder | undefined;
    for (const holder of this.#holders) {
      if (most === undefined || holder.places > most.places) most = holder;
    }
    return most?.giveUp() ?? false;
  }
}
