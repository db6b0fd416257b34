/**
 * A hashing thread: reads and hashes the runs of pieces it claims, until none
 * is left. Started by the hashing pool only.
 *
 * @module
 */
import { HashReader, HashReadError } from "./reader.ts";
import {
  type HashWorkerMessage,
  type HashWorkerStart,
  taskLayout,
} from "./task.ts";

interface WorkerScope {
  onmessage: ((event: MessageEvent<HashWorkerStart>) => void) | null;
  postMessage(message: HashWorkerMessage): void;
}

const scope = globalThis as unknown as WorkerScope;

function work({ task, memory }: HashWorkerStart): void {
  using reader = new HashReader(task, memory, taskLayout(task));
  try {
    for (let run = reader.claim(); run !== undefined; run = reader.claim()) {
      for (let i = run.first; i < run.end; i++) reader.hashPiece(i);
      scope.postMessage({ type: "pieces", ...run });
    }
  } catch (error) {
    if (!(error instanceof HashReadError)) throw error;
    scope.postMessage({ type: "failed", failure: error.failure });
  }
}

scope.onmessage = (event) => {
  work(event.data);
  scope.postMessage({ type: "done" });
};
