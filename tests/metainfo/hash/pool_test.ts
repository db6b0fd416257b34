import { assert, assertEquals, assertRejects } from "@std/assert";
import { toHex } from "../../../_shared/bytes.ts";
import {
  runHashTask,
  type RunHashTaskOptions,
} from "../../../metainfo/hash/pool.ts";
import { HashReadError } from "../../../metainfo/hash/reader.ts";
import {
  CONTROL_NEXT,
  hashTask,
  type HashWorkerMessage,
  type HashWorkerStart,
  PIECE_HASHED,
} from "../../../metainfo/hash/task.ts";
import { PieceLayout } from "../../../metainfo/piece_layout.ts";
import { TempDir } from "../../support/paths.ts";
import { bytesOf, digest } from "../_payload.ts";

const MIB = 2 ** 20;
const LENGTH = 260 * MIB;

/** What a stand-in for a worker does when it gets its task. */
type Act = (
  start: HashWorkerStart,
  send: (message: HashWorkerMessage) => void,
  fail: () => void,
) => void;

/** Stand-in for `Worker`: acts in this thread. */
function actor(act: Act): { Worker: typeof Worker; terminated: () => number } {
  let terminated = 0;
  class Actor {
    onmessage: ((event: { data: HashWorkerMessage }) => void) | undefined;
    onerror: ((event: { preventDefault: () => void }) => void) | undefined;
    #timer: ReturnType<typeof setTimeout> | undefined;
    postMessage(start: HashWorkerStart): void {
      this.#timer = setTimeout(() =>
        act(
          start,
          (data) => this.onmessage?.({ data }),
          () => this.onerror?.({ preventDefault: () => {} }),
        ), 0);
    }
    terminate(): void {
      // As with a real one, nothing is heard of it after this.
      clearTimeout(this.#timer);
      terminated++;
    }
  }
  return {
    Worker: Actor as unknown as typeof Worker,
    terminated: () => terminated,
  };
}

/** Hashes a big sparse file with a stand-in for workers. */
async function hashWith(
  fake: typeof Worker,
  options: RunHashTaskOptions = {},
): Promise<void> {
  await using temp = new TempDir();
  const path = temp.join("sparse");
  const noise = bytesOf(1000, 1);
  await Deno.writeFile(path, noise);
  await Deno.truncate(path, LENGTH);
  const layout = new PieceLayout({
    pieceLength: MIB,
    files: [{ length: LENGTH }],
  });
  const task = hashTask(layout, [path], { sha1: true, sha256: false });
  const seen: number[] = [];
  const real = globalThis.Worker;
  globalThis.Worker = fake;
  try {
    const memory = await runHashTask(task, layout, {
      ...options,
      threads: options.threads ?? 3,
      onPieces(first, end) {
        for (let i = first; i < end; i++) seen.push(i);
      },
    });
    assert(memory.pieces.every((status) => status === PIECE_HASHED));
    seen.sort((a, b) => a - b);
    assertEquals(seen, Array.from({ length: layout.pieceCount }, (_, i) => i));
    const first = new Uint8Array(MIB);
    first.set(noise);
    assertEquals(
      toHex(memory.sha1.slice(0, 20)),
      toHex(digest("sha1", first)),
    );
    assertEquals(
      toHex(memory.sha1.slice(-20)),
      toHex(digest("sha1", new Uint8Array(MIB))),
    );
  } finally {
    globalThis.Worker = real;
  }
}

for (const useCallingThread of [true, false]) {
  const options = { useCallingThread };
  const label = useCallingThread ? "shared" : "left to workers";

  Deno.test(`runHashTask() hashes alone where workers cannot start: ${label}`, async () => {
    const refusing = class {
      constructor() {
        throw new TypeError("No workers here");
      }
    };
    await hashWith(refusing as unknown as typeof Worker, options);
  });

  Deno.test(`runHashTask() does the work of workers that die: ${label}`, async () => {
    const { Worker, terminated } = actor(({ task, memory }, _send, fail) => {
      Atomics.add(memory.control, CONTROL_NEXT, task.claimPieces);
      fail();
    });
    await hashWith(Worker, options);
    assertEquals(terminated(), useCallingThread ? 2 : 3);
  });

  Deno.test(`runHashTask() throws what a worker fails with: ${label}`, async () => {
    const failure = { fileIndex: 0, name: "Busy", message: "Try later" };
    const { Worker, terminated } = actor((_start, send) =>
      send({ type: "failed", failure })
    );
    const error = await assertRejects(
      () => hashWith(Worker, options),
      HashReadError,
      "Try later",
    );
    assertEquals(error.failure, failure);
    assert(terminated() > 0);
  });
}

Deno.test("runHashTask() starts no workers for little work", async () => {
  await using temp = new TempDir();
  const path = temp.join("small");
  await Deno.writeFile(path, new Uint8Array(5 * MIB));
  const layout = new PieceLayout({
    pieceLength: MIB,
    files: [{ length: 5 * MIB }],
  });
  const task = hashTask(layout, [path], { sha1: true, sha256: true });
  const real = globalThis.Worker;
  let started = 0;
  globalThis.Worker = actor(() => started++).Worker;
  try {
    const { sha1, sha256 } = await runHashTask(task, layout, { threads: 64 });
    assertEquals([sha1.length, sha256.length], [100, 160]);
  } finally {
    globalThis.Worker = real;
  }
  assertEquals(started, 0);
});
