/** A TCP flow over one way of a simulated path: Reno with selective acks. */
import type { SimClock } from "../../testing/sim_clock.ts";
import type { Way } from "./sim_link.ts";

/** Bytes of a segment's payload, and of a datagram of a {@linkcode Way}. */
const SEGMENT = 1448;
const DATAGRAM = 1472;
const TIMEOUT_MS = 3000;

/**
 * Sends without end; acks come back after a constant time. As a way keeps the
 * order, a segment is lost when a later one is acked.
 */
export class RenoFlow {
  readonly #clock: SimClock;
  readonly #way: Way;
  readonly #backMs: number;
  /** Transmissions on the way, in order. */
  readonly #flying: number[] = [];
  #window = 10;
  #threshold = Infinity;
  #next = 0;
  /** Transmissions before this one were on the way at the last cut. */
  #lossEnd = 0;
  #cancelTimer = () => {};
  #isStopped = false;
  /** Payload bytes at the receiver. */
  bytes = 0;
  /** Times that its window was halved. */
  losses = 0;

  constructor(clock: SimClock, way: Way, backMs: number) {
    this.#clock = clock;
    this.#way = way;
    this.#backMs = backMs;
  }

  /** Ends; what is on the way is forgotten. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer();
  }

  /** Begins, or goes on. */
  start(): this {
    if (this.#isStopped) return this;
    const now = this.#clock.now();
    while (this.#flying.length < Math.floor(this.#window)) {
      const id = this.#next++;
      this.#flying.push(id);
      this.#way.send(new Uint8Array(DATAGRAM), () => {
        const at = this.#clock.now() + this.#backMs;
        this.#clock.schedule(at, () => this.#acked(id));
      }, "tcp");
    }
    this.#cancelTimer();
    this.#cancelTimer = this.#clock.schedule(now + TIMEOUT_MS, () => {
      this.#cut(1);
      this.#flying.length = 0;
      this.start();
    });
    return this;
  }

  #acked(id: number): void {
    if ((this.#flying[0] ?? Infinity) > id) return;
    this.bytes += SEGMENT;
    while (this.#flying[0]! < id) {
      if (this.#flying.shift()! >= this.#lossEnd) this.#cut(this.#window / 2);
    }
    this.#flying.shift();
    if (id >= this.#lossEnd) {
      this.#window += this.#window < this.#threshold ? 1 : 1 / this.#window;
    }
    this.start();
  }

  #cut(window: number): void {
    this.losses++;
    this.#lossEnd = this.#next;
    this.#threshold = Math.max(2, this.#window / 2);
    this.#window = Math.max(1, window);
  }
}
