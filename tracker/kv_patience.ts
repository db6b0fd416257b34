/**
 * Patience with a database file that another process writes to at the moment:
 * SQLite then refuses, and it has to be tried again.
 *
 * @module
 */
import { type Clock, sleep } from "../_shared/clock.ts";
import { randomInt, type RandomSource } from "../_shared/random.ts";
import type { SwarmKv, SwarmKvAtomic } from "./swarm_kv.ts";

/** How long it is tried, in milliseconds. */
const MAX_WAIT_MS = 10_000;
/** Longest wait between two attempts, in milliseconds. */
const MAX_PAUSE_MS = 64;

/** How to wait. */
export interface Patience {
  /** Clock to use. */
  readonly clock: Clock;
  /** Varies the pauses, so that two processes do not collide again. */
  readonly random: RandomSource;
}

/** Does something again as long as the database is locked. */
export async function patiently<T>(
  action: () => Promise<T>,
  { clock, random }: Patience,
): Promise<T> {
  const end = clock.now() + MAX_WAIT_MS;
  for (let pause = 2;; pause = Math.min(2 * pause, MAX_PAUSE_MS)) {
    try {
      return await action();
    } catch (error) {
      const locked = error instanceof Error &&
        /database (table )?is (locked|busy)/i.test(error.message);
      if (!locked || clock.now() >= end) throw error;
      await sleep(clock, 1 + randomInt(random, pause));
    }
  }
}

/** An operation that is committed with patience. */
class PatientOperation implements SwarmKvAtomic {
  readonly #operation: SwarmKvAtomic;
  readonly #patience: Patience;

  constructor(operation: SwarmKvAtomic, patience: Patience) {
    this.#operation = operation;
    this.#patience = patience;
  }

  check(...checks: Parameters<SwarmKvAtomic["check"]>): SwarmKvAtomic {
    this.#operation.check(...checks);
    return this;
  }

  set(...words: Parameters<SwarmKvAtomic["set"]>): SwarmKvAtomic {
    this.#operation.set(...words);
    return this;
  }

  delete(...words: Parameters<SwarmKvAtomic["delete"]>): SwarmKvAtomic {
    this.#operation.delete(...words);
    return this;
  }

  sum(...words: Parameters<SwarmKvAtomic["sum"]>): SwarmKvAtomic {
    this.#operation.sum(...words);
    return this;
  }

  commit(): ReturnType<SwarmKvAtomic["commit"]> {
    return patiently(() => this.#operation.commit(), this.#patience);
  }
}

/** Wraps a database. */
export function patientKv(kv: SwarmKv, patience: Patience): SwarmKv {
  return {
    get: (key) => patiently(() => kv.get(key), patience),
    atomic: () => new PatientOperation(kv.atomic(), patience),
    list: (selector, options) => kv.list(selector, options),
    close: () => kv.close(),
  };
}
