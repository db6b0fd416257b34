/**
 * Writable streams that take candidates with back-pressure.
 *
 * @module
 */
import type { PeerCandidate } from "../../_shared/address.ts";
import { failure } from "../error.ts";

/** What the sinks write to. */
export interface CandidateTarget {
  /** Whether writes must wait. */
  full(): boolean;
  /** Takes one. */
  connect(candidate: PeerCandidate): void;
}

/** All sinks of one handshaker. */
export class CandidateSinks {
  readonly #target: CandidateTarget;
  readonly #controllers = new Set<WritableStreamDefaultController>();
  readonly #waiting: (() => void)[] = [];
  #closed = false;

  /** Makes none yet. */
  constructor(target: CandidateTarget) {
    this.#target = target;
  }

  /** Makes a sink. */
  open(): WritableStream<PeerCandidate> {
    let own: WritableStreamDefaultController;
    const forget = () => void this.#controllers.delete(own);
    return new WritableStream<PeerCandidate>({
      start: (controller) => {
        own = controller;
        if (this.#closed) controller.error(failure("closed"));
        else this.#controllers.add(controller);
      },
      write: async (candidate) => {
        while (this.#target.full() && !this.#closed) {
          await new Promise<void>((resolve) => this.#waiting.push(resolve));
        }
        if (this.#closed) throw failure("closed");
        this.#target.connect(candidate);
        // It may have been refused: then its room is for the next.
        this.wake();
      },
      close: forget,
      abort: forget,
    });
  }

  /** Lets as many waiting writes go on as there is room for. */
  wake(): void {
    while (this.#waiting.length > 0 && (this.#closed || !this.#target.full())) {
      // Each woken write runs later, so room is checked by it once more.
      this.#waiting.shift()!();
      if (!this.#closed) return;
    }
  }

  /** Makes every sink fail with `closed`. */
  close(): void {
    this.#closed = true;
    for (const controller of this.#controllers) {
      controller.error(failure("closed"));
    }
    this.#controllers.clear();
    this.wake();
  }
}
