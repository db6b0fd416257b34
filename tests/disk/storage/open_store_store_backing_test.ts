import { assertEquals, assertRejects } from "@std/assert";
import { Bitfield } from "../../../_shared/bitfield.ts";
import { CheckQueue } from "../../../disk/turns.ts";
import { DiskError } from "../../../disk/error.ts";
import type { PieceStore } from "../../../disk/piece_store.ts";
import { StoreBacking } from "../../../disk/storage/open_store.ts";
import { SimClock } from "../../../testing/sim_clock.ts";
import { makeTorrent } from "../support.ts";

const pure = { permissions: "none" } as const;
const PIECE = 16384;

/** Pieces 0 and 1 of a, 1 of b, 2 and 3 of c; padding; nothing. */
const torrent = makeTorrent({
  pieceLength: PIECE,
  files: [PIECE + 9, PIECE - 9, 2 * PIECE, { length: PIECE, pad: true }, 0],
});

function bits(...set: number[]): Bitfield {
  const field = new Bitfield(torrent.layout.pieceCount);
  for (const i of set) field.set(i);
  return field;
}

function setUp(
  {
    readOnly = false,
    skip = [] as number[],
    more = {} as Partial<PieceStore>,
  } = {},
) {
  const log: string[] = [];
  const state: { finish?: ((i: number) => Promise<void>) | undefined } = {};
  const store: PieceStore = {
    find: () => {
      log.push("find");
      return { good: [] };
    },
    writePiece: (i) => void log.push(`write ${i}`),
    readRange(i, offset, into) {
      log.push(`read ${i}`);
      into.set(torrent.content[i]!.subarray(offset, offset + into.length));
      return true;
    },
    finish(i) {
      log.push(`finish ${i}`);
      return state.finish?.(i);
    },
    remove: () => void log.push("remove"),
    close: () => void log.push("close"),
    ...more,
  };
  const wanted = new Uint8Array(5).fill(1);
  for (const i of skip) wanted[i] = 0;
  const backing = new StoreBacking(torrent, store, wanted, readOnly);
  const taken = () => log.splice(0);
  return Object.assign(state, { backing, taken });
}

Deno.test(
  "StoreBacking: a file is finished when its last piece is good",
  pure,
  async () => {
    const { backing, taken } = setUp();
    backing.count(bits(3, 4));
    assertEquals(backing.pieceGood(0), undefined);
    assertEquals(taken(), []);
    // The second piece ends two files: the shorter one waits for the end.
    await backing.pieceGood(1);
    assertEquals(taken(), ["finish 0"]);
    await backing.pieceGood(2);
    assertEquals(taken(), ["finish 2"]);
    await backing.confirm();
    assertEquals(taken(), ["finish 1", "finish 4"]);
    await backing.confirm();
    assertEquals(taken(), []);
    // More than once said is no less missing.
    await backing.pieceGood(0);
    await backing.pieceGood(0);
    assertEquals(taken(), []);
  },
);

Deno.test(
  "StoreBacking: only wanted files are finished, and none that is only read",
  pure,
  async () => {
    const { backing, taken } = setUp({ skip: [1, 4] });
    backing.count(bits(0, 1, 2, 3, 4));
    await backing.confirm();
    assertEquals(taken(), ["finish 0", "finish 2"]);
    assertEquals([backing.isWanted(1), backing.isWanted(0)], [false, true]);
    await backing.setWanted(1, true);
    assertEquals([taken(), backing.isWanted(1)], [["finish 1"], true]);
    await backing.setWanted(0, false);
    assertEquals([taken(), backing.isWanted(0)], [[], false]);
    const reader = setUp({ readOnly: true });
    reader.backing.count(bits(0, 1, 2, 3, 4));
    await reader.backing.confirm();
    assertEquals(reader.taken(), []);
    const plain = setUp({ more: { finish: undefined as never } });
    plain.backing.count(bits(0, 1, 2, 3, 4));
    await plain.backing.confirm();
    assertEquals(plain.taken(), []);
  },
);

Deno.test(
  "StoreBacking: what cannot be finished is tried again",
  pure,
  async () => {
    const bench = setUp();
    const { backing, taken } = bench;
    backing.count(bits(0, 1, 2, 3, 4));
    bench.finish = (i) =>
      i === 0 ? Promise.reject(new Error("no")) : Promise.resolve();
    await assertRejects(() => backing.confirm(), Error, "no");
    taken();
    bench.finish = undefined;
    await backing.confirm();
    assertEquals(taken(), ["finish 0"]);
    // After a look at all, or a loss, again.
    await backing.recheck(() => Promise.resolve());
    assertEquals(taken(), ["find"]);
    await backing.confirm();
    assertEquals(taken(), ["finish 0", "finish 1", "finish 2", "finish 4"]);
    assertEquals(await backing.findLost(1, bits(0, 2, 3, 4)), []);
    await backing.confirm();
    assertEquals(taken(), []);
    await backing.pieceGood(1);
    await backing.confirm();
    assertEquals(taken(), ["finish 0", "finish 1"]);
  },
);

Deno.test(
  "StoreBacking: bytes are counted, padding is never asked for",
  pure,
  async () => {
    const { backing, taken } = setUp();
    const into = new Uint8Array(10).fill(7);
    assertEquals(await backing.readRange(0, 5, into), true);
    assertEquals(into, torrent.content[0]!.slice(5, 15));
    assertEquals(await backing.readRange(4, 0, into.fill(7)), true);
    assertEquals(into, new Uint8Array(10));
    await backing.writePiece(1, []);
    assertEquals(taken(), ["read 0", "write 1"]);
    assertEquals([backing.readBytes, backing.writtenBytes], [10, PIECE]);
    // Three at once, the last of which is padding.
    await backing.writePiece(2, [], 3);
    assertEquals([taken(), backing.writtenBytes], [["write 2"], 3 * PIECE]);
    assertEquals([backing.paths, backing.ownPlaces], [torrent.paths, []]);
    assertEquals(backing.writeRange, undefined);
    const ranges: unknown[] = [];
    const more = setUp({
      more: { writeRange: (...run) => void ranges.push(run) },
    });
    const bytes = new Uint8Array(3);
    await more.backing.writeRange!(1, 2, bytes);
    assertEquals(ranges, [[1, 2, bytes]]);
  },
);

Deno.test("StoreBacking: a check counts what is missing", pure, async () => {
  const { backing, taken } = setUp();
  const have = bits();
  const options = { clock: new SimClock(), queue: new CheckQueue() };
  await backing.check(have, { ...options, pieces: [0, 1] });
  assertEquals([...have], [0, 1]);
  taken();
  await backing.confirm();
  assertEquals(taken(), ["finish 0", "finish 1", "finish 4"]);
  await backing.check(have, options);
  assertEquals([...have], [0, 1, 2, 3, 4]);
});

Deno.test(
  "StoreBacking: there are no files to move or name; what is left is told",
  pure,
  async () => {
    const { backing, taken } = setUp();
    for (const run of [() => backing.move(), () => backing.rename()]) {
      const error = await assertRejects(run, DiskError);
      assertEquals(error.code, "unsupported");
    }
    assertEquals(await backing.sync(), []);
    assertEquals(await backing.resumeData(), new Uint8Array(0));
    assertEquals(await backing.remove(), []);
    assertEquals(taken(), ["remove"]);
    const broken = setUp({
      more: {
        remove: () => {
          throw new Error("no");
        },
      },
    });
    const [error] = await broken.backing.remove();
    assertEquals(error!.message, "Cannot remove: no");
  },
);

Deno.test(
  "StoreBacking: closing ends what is being finished, and waits",
  pure,
  async () => {
    const bench = setUp({
      more: {
        finish: (_, signal) =>
          new Promise((_, reject) =>
            signal!.addEventListener("abort", () => reject(new Error("ended")))
          ),
      },
    });
    bench.backing.count(bits(0, 1, 2, 3, 4));
    const finishing = bench.backing.confirm();
    finishing.catch(() => {});
    await bench.backing.close();
    await assertRejects(() => finishing, Error, "ended");
    assertEquals(bench.taken(), ["close"]);
  },
);
