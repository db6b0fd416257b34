import { assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../../../disk/error.ts";
import type {
  PieceStore,
  PieceStoreOptions,
} from "../../../disk/piece_store.ts";
import {
  openStore,
  type StoreBacking,
} from "../../../disk/storage/open_store.ts";
import type { ManagedStorage } from "../../../disk/storage/torrent_storage.ts";
import type { DiskAddOptions } from "../../../disk/storage.ts";
import { Bitfield } from "../../../_shared/bitfield.ts";
import { makeTorrent } from "../support.ts";

const pure = { permissions: "none" } as const;
const PIECE = 16384;
const torrent = makeTorrent({
  pieceLength: PIECE,
  files: [3 * PIECE, { length: PIECE, pad: true }, PIECE],
});

function setUp(found: { good: number[]; doubtful?: number[] }, ranges = true) {
  const log: unknown[] = [];
  const state: { fails?: Error } = {};
  let opened: PieceStoreOptions | undefined;
  const store = {
    find: () => found,
    close: () => void log.push("close"),
    ...(ranges ? { writeRange: () => {} } : {}),
  } as unknown as PieceStore;
  const have = new Bitfield(torrent.layout.pieceCount);
  const storage = {
    have,
    check(_: unknown, pieces: number[]) {
      log.push(pieces);
      if (state.fails) return Promise.reject(state.fails);
      return Promise.resolve();
    },
    close() {
      log.push("closed");
      return Promise.resolve();
    },
  } as unknown as ManagedStorage;
  const run = (options: DiskAddOptions = {}, memory = 2 * PIECE) =>
    openStore(
      {
        open(_, options) {
          opened = options;
          return store;
        },
      },
      torrent,
      options,
      new Uint8Array(3).fill(1),
      memory,
      (backing: StoreBacking) => {
        log.push(backing.isFar);
        return storage;
      },
    );
  return Object.assign(state, { log, run, have, opened: () => opened });
}

Deno.test(
  "openStore(): what is good counts, what is doubtful is checked",
  pure,
  async () => {
    const found = { good: [0, -1, 5, 1.5], doubtful: [0, 1, 5, -1, 2.5, 3] };
    const { log, run, have, opened } = setUp(found);
    await run({ overwrite: true });
    // Padding is there, and pieces that are none are passed over.
    assertEquals([...have], [0, 3]);
    assertEquals(log, [true, [1]]);
    assertEquals(opened(), {
      readOnly: false,
      overwrite: true,
      signal: undefined,
    });
  },
);

Deno.test(
  "openStore(): trust has all, and no check is made of nothing",
  pure,
  async () => {
    for (
      const [existing, expected] of [
        ["trust", [0, 1, 2, 3, 4]],
        ["assume-empty", [0, 3]],
      ] as const
    ) {
      const { log, run, have } = setUp({ good: [0], doubtful: [1] });
      await run({ existing });
      assertEquals([[...have], log], [[...expected], [true, []]]);
    }
  },
);

Deno.test(
  "openStore(): pieces that do not fit in memory twice are refused",
  pure,
  async () => {
    const refused = setUp({ good: [] }, false);
    const error = await assertRejects(
      () => refused.run({}, 2 * PIECE - 1),
      DiskError,
    );
    assertEquals([error.code, refused.log], ["unsupported", ["close"]]);
    for (
      const [ranges, readOnly, memory] of [
        [false, false, 2 * PIECE],
        [false, true, 0],
        [true, false, 0],
      ] as const
    ) {
      const { run, log } = setUp({ good: [] }, ranges);
      await run({ readOnly }, memory);
      assertEquals(log.length, 2);
    }
  },
);

Deno.test("openStore(): who cannot be opened is closed", pure, async () => {
  const bench = setUp({ good: [] });
  bench.fails = new Error("broken");
  await assertRejects(() => bench.run(), Error, "broken");
  assertEquals(bench.log.at(-1), "closed");
});
