/**
 * Bytes that code allocates, by whose code it is.
 *
 * @module
 */
import { Session } from "node:inspector";

/** What V8's sampling heap profiler gives. */
interface ProfileNode {
  readonly callFrame: { readonly url: string };
  readonly selfSize: number;
  readonly children: readonly ProfileNode[];
}

/** Bytes that were allocated. */
export interface Garbage {
  /** In functions of files, and in what these call of V8's own. */
  readonly ours: number;
  /** In functions of the runtime. */
  readonly runtime: number;
}

/** Bytes between two samples, on average. */
const INTERVAL = 4096;

/**
 * Counts what is allocated while something runs, whether it lives on or not.
 *
 * @param run What to run.
 * @returns The bytes, from samples.
 */
export async function allocated(run: () => Promise<void>): Promise<Garbage> {
  const session = new Session();
  session.connect();
  const post = (method: string, params: object = {}) =>
    new Promise<{ profile: { head: ProfileNode } }>((resolve, reject) =>
      session.post(
        method,
        params,
        // deno-lint-ignore no-explicit-any -- as its types have it
        (error: Error | null, result: any) =>
          error === null ? resolve(result) : reject(error),
      )
    );
  await post("HeapProfiler.enable");
  await post("HeapProfiler.startSampling", {
    samplingInterval: INTERVAL,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  });
  await run();
  const { profile } = await post("HeapProfiler.stopSampling");
  session.disconnect();
  const bytes = { ours: 0, runtime: 0 };
  const add = (node: ProfileNode, caller: "ours" | "runtime") => {
    const { url } = node.callFrame;
    const owner = url === ""
      ? caller
      : url.startsWith("file:")
      ? "ours"
      : "runtime";
    bytes[owner] += node.selfSize;
    for (const child of node.children) add(child, owner);
  };
  add(profile.head, "runtime");
  return bytes;
}
