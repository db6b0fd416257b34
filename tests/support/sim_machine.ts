import type { Clock } from "../../_shared/clock.ts";
import type { Machine } from "../../_shared/machine.ts";

/** Drives one machine on the clock, by the law of machines. */
export class SimMachine<Input, Output> {
  readonly machine: Machine<Input, Output>;
  readonly #clock: Clock;
  readonly #perform: (output: Output) => void;
  #armedAt = Infinity;
  #generation = 0;
  #stopped = false;

  constructor(
    clock: Clock,
    machine: Machine<Input, Output>,
    perform: (output: Output) => void,
  ) {
    this.#clock = clock;
    this.machine = machine;
    this.#perform = perform;
  }

  input(input: Input): void {
    if (this.#stopped) return;
    this.machine.handle(input, this.#clock.now());
    this.#drain();
  }

  /** Performs what is there without any input. */
  start(): void {
    this.#drain();
  }

  /** Nothing fires any more. */
  stop(): void {
    this.#stopped = true;
  }

  #drain(): void {
    for (
      let output = this.machine.poll();
      output !== undefined && !this.#stopped;
      output = this.machine.poll()
    ) this.#perform(output);
    const { deadline } = this.machine;
    if (this.#stopped || deadline === undefined || this.#armedAt <= deadline) {
      return;
    }
    this.#armedAt = deadline;
    const generation = ++this.#generation;
    this.#clock.schedule(deadline, () => {
      if (this.#stopped || generation !== this.#generation) return;
      this.#armedAt = Infinity;
      const at = this.machine.deadline;
      if (at !== undefined && at <= this.#clock.now()) {
        this.machine.handleTimeout(this.#clock.now());
      }
      this.#drain();
    });
  }
}
