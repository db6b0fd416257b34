/**
 * Bytes that code allocates.
 *
 * @module
 */
import { Session } from "node:inspector";

/** What V8's sampling heap profiler gives. */
interface ProfileNode {
  readonly selfSize: number;
  readonly children: readonly ProfileNode[];
}

/** Bytes between two samples, on average. */
const INTERVAL = 4096;

/**
 * Counts what is allocated while something runs, whether it lives on or not.
 *
 * @param run What to run.
 * @returns Bytes of the JavaScript heap, from samples.
 */
export async function allocatedBytes(
  run: () => Promise<void>,
): Promise<number> {
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
  const sum = ({ selfSize, children }: ProfileNode): number =>
    children.reduce((bytes, child) => bytes + sum(child), selfSize);
  return sum(profile.head);
}
