/**
 * Runs one target in a thread of its own, so that one that hangs can be named
 * and ended.
 *
 * @module
 */
import { fuzz, type FuzzOptions, type FuzzResult } from "./runner.ts";
import { importTarget } from "./targets.ts";

/** What the worker is told. */
export interface FuzzJob extends Omit<FuzzOptions, "onRun"> {
  readonly module: string;
  /** One integer: the run that goes on. */
  readonly progress: SharedArrayBuffer;
}

/** What it answers. */
export type FuzzAnswer =
  | { readonly result: FuzzResult }
  | { readonly error: string };

declare const self: {
  onmessage: ((event: MessageEvent<FuzzJob>) => void) | null;
  postMessage(answer: FuzzAnswer): void;
};

self.onmessage = async ({ data }) => {
  try {
    const target = await importTarget(data.module);
    const progress = new Int32Array(data.progress);
    const onRun = (run: number) => Atomics.store(progress, 0, run);
    self.postMessage({ result: fuzz(target, { ...data, onRun }) });
  } catch (error) {
    self.postMessage({ error: Deno.inspect(error) });
  }
};
