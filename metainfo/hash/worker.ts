/**
 * A hashing thread: reads and hashes the runs of pieces it claims, until none
 * is left, or hashes the pieces it is sent. Started by the hashing pool and
 * `HashThread` only.
 *
 * @module
 */
import { HashReader, HashReadError } from "./reader.ts";
import { PieceHasher } from "../piece_digest.ts";
import {
  type HashedPiece,
  type HashPiece,
  type HashWorkerMessage,
  type HashWorkerStart,
  taskLayout,
} from "./task.ts";

interface WorkerScope {
  onmessage:
    | ((event: MessageEvent<HashWorkerStart | HashPiece>) => void)
    | null;
  postMessage(message: HashWorkerMessage): void;
  postMessage(message: HashedPiece, transfer: Transferable[]): void;
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

function hash({ wanted, size, buffers }: HashPiece): void {
  const hasher = new PieceHasher(wanted);
  for (const buffer of buffers) {
    const length = Math.min(buffer.byteLength, size - hasher.offset);
    hasher.update(new Uint8Array(buffer, 0, length));
  }
  scope.postMessage({ ...hasher.finish(), buffers }, [...buffers]);
}

scope.onmessage = ({ data }) => {
  if ("task" in data) {
    work(data);
    scope.postMessage({ type: "done" });
  } else hash(data);
};
