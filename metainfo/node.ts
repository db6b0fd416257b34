/**
 * Modules of Node that are built into Deno, loaded at their first use: to
 * import one costs a program tens of milliseconds before it does anything.
 *
 * @module
 */

interface NodeProcess {
  getBuiltinModule(name: string): unknown;
}

function load(name: string): unknown {
  // The global is made when it is first touched, and the module with it.
  const { process } = globalThis as unknown as {
    readonly process: NodeProcess;
  };
  return process.getBuiltinModule(name);
}

let crypto: typeof import("node:crypto") | undefined;
let timers: typeof import("node:timers") | undefined;

/**
 * Loads `node:crypto`: digests that beat `crypto.subtle`, which copies and
 * costs a thread hop per call.
 */
export function nodeCrypto(): typeof import("node:crypto") {
  return crypto ??= load("node:crypto") as typeof import("node:crypto");
}

/** Lets other work of the calling thread run. */
export function nextTurn(): Promise<void> {
  timers ??= load("node:timers") as typeof import("node:timers");
  const { setImmediate } = timers;
  return new Promise((resolve) => void setImmediate(resolve));
}
