/**
 * The one run loop: feeds a machine, performs its outputs, keeps its timer.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import type { Machine } from "./machine.ts";

/** Options of {@linkcode Driver}. */
export interface DriverOptions<Output> {
  /** Clock to use. */
  readonly clock: Clock;
  /**
   * Performs one output. Must not block; work that takes time reports back
   * through {@linkcode Driver.input}.
   */
  readonly perform: (output: Output) => void;
}

/**
 * Drives a {@linkcode Machine}: after every mutation all outputs are performed
 * before the next input is looked at, and one timer waits for the deadline.
 */
export class Driver<Input, Output> implements Disposable {
  readonly #machine: Machine<Input, Output>;
  readonly #clock: Clock;
  readonly #perform: (output: Output) => void;
  readonly #waiting: Input[] = [];
  #running = false;
  #closed = false;
  #armedAt: number | undefined;
  #cancel: (() => void) | undefined;

  constructor(
    machine: Machine<Input, Output>,
    options: DriverOptions<Output>,
  ) {
    this.#machine = machine;
    this.#clock = options.clock;
    this.#perform = options.perform;
  }

  /**
   * Gives the machine one input. An input that arrives while outputs are being
   * performed waits its turn.
   */
  input(input: Input): void {
    if (this.#closed) return;
    if (this.#running) {
      this.#waiting.push(input);
      return;
    }
    this.#running = true;
    try {
      let next: Input | undefined = input;
      do {
        this.#machine.handle(next, this.#clock.now());
        this.#drain();
        next = this.#waiting.length > 0 ? this.#waiting.shift() : undefined;
      } while (next !== undefined && !this.#closed);
    } finally {
      this.#running = false;
    }
    this.#arm();
  }

  /** Performs outputs that exist without any input, and arms the timer. */
  start(): void {
    if (this.#closed || this.#running) return;
    this.#running = true;
    try {
      this.#drain();
    } finally {
      this.#running = false;
    }
    if (this.#waiting.length > 0) this.input(this.#waiting.shift()!);
    else this.#arm();
  }

  /** Ends driving: no output is performed after this. */
  close(): void {
    this.#closed = true;
    this.#waiting.length = 0;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#armedAt = undefined;
  }

  /** Same as {@linkcode Driver.close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  #drain(): void {
    while (!this.#closed) {
      const output = this.#machine.poll();
      if (output === undefined) return;
      this.#perform(output);
    }
  }

  #arm(): void {
    if (this.#closed) return;
    const deadline = this.#machine.deadline;
    if (deadline === undefined) {
      this.#cancel?.();
      this.#cancel = undefined;
      this.#armedAt = undefined;
      return;
    }
    // A later deadline needs no new timer: the old one fires and looks again.
    if (this.#armedAt !== undefined && this.#armedAt <= deadline) return;
    this.#cancel?.();
    this.#armedAt = deadline;
    this.#cancel = this.#clock.schedule(deadline, () => this.#onTimer());
  }

  #onTimer(): void {
    this.#armedAt = undefined;
    this.#cancel = undefined;
    if (this.#closed) return;
    const now = this.#clock.now();
    const deadline = this.#machine.deadline;
    if (deadline !== undefined && deadline <= now) {
      this.#machine.handleTimeout(now);
      this.start();
    } else this.#arm();
  }
}
