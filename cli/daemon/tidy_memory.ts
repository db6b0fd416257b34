/**
 * Gives memory back to the system while a daemon has nothing to do.
 *
 * @module
 */

/** Between two looks, in milliseconds. */
const LOOK_MS = 30_000;
/** It has to have grown by this share since the last time. */
const GROWTH = 1.15;

/** What a {@linkcode MemoryTidier} works with. */
export interface MemoryTidierOptions {
  /** Whether nothing is moved or checked. */
  readonly isQuiet: () => boolean;
  /** Reads the resident memory of the process, in bytes. */
  readonly resident: () => number;
  /** Collects all garbage. */
  readonly collect: () => void;
}

/**
 * Collects garbage when nobody waits: V8 keeps what loading and busy times took
 * until something is allocated, and an idle daemon allocates nothing.
 */
export class MemoryTidier {
  readonly #options: MemoryTidierOptions;
  #wasQuiet = false;
  /** What is left after the last time. */
  #least = 0;

  constructor(options: MemoryTidierOptions) {
    this.#options = options;
  }

  /** Looks, and collects if it is worth it. */
  look(): void {
    const { isQuiet, resident, collect } = this.#options;
    const before = this.#wasQuiet;
    this.#wasQuiet = isQuiet();
    // A pause between two pieces is none.
    if (!before || !this.#wasQuiet) return;
    if (resident() < this.#least * GROWTH) return;
    collect();
    this.#least = resident();
  }
}

/**
 * Finds the collector, which V8 shows on request only.
 *
 * @returns Collects all garbage, and gives back what is free then.
 */
export async function garbageCollector(): Promise<() => void> {
  const [{ setFlagsFromString }, { runInNewContext }] = await Promise.all([
    import("node:v8"),
    import("node:vm"),
  ]);
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as (options: object) => void;
  return () => collect({ type: "major", flavor: "last-resort" });
}

/**
 * Looks every half minute.
 *
 * @param isQuiet Whether nothing is moved or checked.
 * @returns Ends it.
 */
export async function tidyMemory(isQuiet: () => boolean): Promise<Disposable> {
  const tidier = new MemoryTidier({
    isQuiet,
    resident: () => Deno.memoryUsage().rss,
    collect: await garbageCollector(),
  });
  const timer = setInterval(() => tidier.look(), LOOK_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
