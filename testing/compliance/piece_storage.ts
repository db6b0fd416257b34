/**
 * What every storage of pieces must do.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { DiskManager } from "../../disk/manager.ts";
import type { PieceStorage, PieceStore } from "../../disk/piece_store.ts";
import type { StorageTorrent } from "../../disk/storage.ts";
import { pieceRoot } from "../../metainfo/metainfo.ts";
import {
  type SimFiles,
  simTorrent,
  type SimTorrentOptions,
} from "../sim_torrent.ts";

/** A storage under test, empty at first. */
export interface PieceStorageWorld extends AsyncDisposable {
  /**
   * Opens the storage as another process would.
   *
   * @returns A storage with the same pieces in it.
   */
  open(): PieceStorage | Promise<PieceStorage>;
}

/** How to make the storage under test. */
export interface PieceStorageSubject {
  /** What the tests begin with. */
  readonly name: string;
  /**
   * Makes an empty one.
   *
   * @returns Where it is; disposed of at the end.
   */
  make(): PieceStorageWorld | Promise<PieceStorageWorld>;
  /** What the tests may do. */
  readonly permissions: Deno.PermissionOptions;
}

/** A torrent to store, and the bytes of its pieces. */
interface Stored extends StorageTorrent {
  readonly content: readonly Uint8Array<ArrayBuffer>[];
}

async function stored(
  files: SimFiles,
  options: SimTorrentOptions = {},
): Promise<Stored> {
  const { metainfo, content } = await simTorrent(files, options);
  const { infoHash, layout, pieces } = metainfo;
  const paths = metainfo.files.map(({ path }) => path);
  const single = paths.length === 1 && paths[0]!.length === 1;
  const below = single ? paths : paths.map((path) => ["sim", ...path]);
  const bytes = below.map((path) => content.get(path.join("/")));
  return {
    infoHash,
    layout,
    paths: below,
    pieces,
    pieceRoot: (i) => pieceRoot(metainfo, i),
    content: Array.from({ length: layout.pieceCount }, (_, i) => {
      const piece = new Uint8Array(layout.pieceSize(i));
      for (const span of layout.spans(i, 0, piece.length)) {
        const { fileOffset: at, length } = span;
        const from = bytes[span.fileIndex];
        if (from && !span.pad) {
          piece.set(from.subarray(at, at + length), span.dataOffset);
        }
      }
      return piece;
    }),
  };
}

/** The runs of a piece, padding left out, cut in the middle. */
function runsOf({ layout, content }: Stored, pieceIndex: number) {
  const piece = content[pieceIndex]!;
  return layout.spans(pieceIndex, 0, piece.length)
    .filter(({ pad }) => !pad)
    .flatMap(({ dataOffset, length }) => {
      const half = length >> 1;
      return [[dataOffset, half], [dataOffset + half, length - half]] as const;
    })
    .filter(([, length]) => length > 0)
    .map(([offset, length]) => ({
      offset,
      // A copy, as buffers are used again.
      bytes: piece.slice(offset, offset + length),
    }));
}

async function write(
  store: PieceStore,
  torrent: Stored,
  pieces: Iterable<number>,
) {
  await Promise.all([...pieces].map(async (pieceIndex) => {
    const runs = runsOf(torrent, pieceIndex);
    if (runs.length === 0) return;
    await store.writePiece(pieceIndex, runs);
    for (const { bytes } of runs) bytes.fill(0xee);
  }));
}

/** Asserts that ranges of pieces read as they should, all over the piece. */
async function assertPieces(
  store: PieceStore,
  torrent: Stored,
  pieces: Iterable<number>,
) {
  for (const pieceIndex of pieces) {
    const piece = torrent.content[pieceIndex]!;
    if (torrent.layout.payloadSize(pieceIndex) === 0) continue;
    const end = piece.length;
    for (
      const [from, to] of [[0, end], [end >> 1, end], [1, Math.min(end, 999)], [
        end - 1,
        end,
      ]] as const
    ) {
      const into = new Uint8Array(Math.max(0, to - from)).fill(0xdd);
      if (into.length === 0) continue;
      assert(
        await store.readRange(pieceIndex, from, into),
        `piece ${pieceIndex} from ${from}`,
      );
      assertEquals(into, piece.subarray(from, to));
    }
  }
}

async function found(store: PieceStore): Promise<number[]> {
  const { good, doubtful = [] } = await store.find();
  return [...new Set([...good, ...doubtful])].sort((a, b) => a - b);
}

const all = ({ layout }: Stored) =>
  Array.from({ length: layout.pieceCount }, (_, i) => i)
    .filter((i) => layout.payloadSize(i) > 0);

const PLAIN: SimFiles = [["a", 70_000], ["b/empty", 0], ["b/c", 50_001], [
  "d",
  3,
]];

/** Names that keys, paths, queries and documents have to carry unharmed. */
const ODD_NAMES: SimFiles = [
  "a b+c%20&d=e?f#g",
  "<x y='\"'>;:@!$*()[]{}|^`~,",
  "ünï-日本語-🦕",
  "...dots..",
  "%2e%2e",
  " lead and trail ",
  "sub/same",
  "same",
].map((name, i) => [name, 20_000 + i] as const);

/**
 * Registers tests that every `PieceStorage` has to pass: calls `Deno.test`, so use
 * it at the top of a test file.
 *
 * @param subject The storage under test.
 *
 * @example
 * ```ts ignore
 * import { testPieceStorage } from "@bip/bip/testing";
 * import { storageIn } from "./my_storage.ts";
 *
 * testPieceStorage({
 *   name: "my storage",
 *   permissions: { read: true, write: true },
 *   async make() {
 *     const dir = await Deno.makeTempDir();
 *     return {
 *       // Again for the same pieces, as after a restart.
 *       open: () => storageIn(dir),
 *       [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }),
 *     };
 *   },
 * });
 * ```
 */
export function testPieceStorage(subject: PieceStorageSubject): void {
  const test = (
    what: string,
    run: (world: PieceStorageWorld) => Promise<void>,
  ) =>
    Deno.test({
      name: `${subject.name}: ${what}`,
      permissions: subject.permissions,
      async fn() {
        await using world = await subject.make();
        await run(world);
      },
    });
  const opened = async (world: PieceStorageWorld, torrent: Stored) =>
    await (await world.open()).open(torrent);

  test("holds nothing at first, and misses what it lacks", async (world) => {
    const torrent = await stored(PLAIN);
    const store = await opened(world, torrent);
    assertEquals(await found(store), []);
    assertEquals(await store.readRange(2, 0, new Uint8Array(10)), false);
    await store.close?.();
  });

  test("another process finds and reads what was written", async (world) => {
    const torrent = await stored(PLAIN);
    const store = await opened(world, torrent);
    assertEquals(await found(store), []);
    const some = [3, 0, 2];
    await write(store, torrent, some);
    await write(store, torrent, [2]);
    await assertPieces(store, torrent, some);
    await store.close?.();
    const other = await opened(world, torrent);
    const there = await found(other);
    for (const i of some) assert(there.includes(i), `piece ${i}`);
    await assertPieces(other, torrent, some);
    await write(other, torrent, [1]);
    await assertPieces(other, torrent, all(torrent));
    await other.close?.();
  });

  for (const version of ["v1", "v2", "hybrid"] as const) {
    test(`finished files of ${version} read the same`, async (world) => {
      const torrent = await stored(PLAIN, { version });
      const { layout } = torrent;
      const store = await opened(world, torrent);
      const reader = await opened(world, torrent);
      assertEquals(await found(store), []);
      await write(store, torrent, all(torrent));
      await found(reader);
      await assertPieces(reader, torrent, all(torrent));
      for (let i = 0; i < layout.files.length; i++) {
        if (layout.files[i]!.pad) continue;
        await store.finish?.(i);
        await store.finish?.(i);
        await assertPieces(store, torrent, all(torrent));
        // Who looked before it was finished finds it all the same.
        await assertPieces(reader, torrent, all(torrent));
      }
      await reader.close?.();
      await store.close?.();
      const other = await opened(world, torrent);
      assertEquals(await found(other), all(torrent));
      await assertPieces(other, torrent, all(torrent));
      await other.close?.();
    });
  }

  test("odd names", async (world) => {
    const torrent = await stored(ODD_NAMES);
    const store = await opened(world, torrent);
    assertEquals(await found(store), []);
    await write(store, torrent, all(torrent));
    for (let i = 0; i < ODD_NAMES.length; i++) await store.finish?.(i);
    await assertPieces(store, torrent, all(torrent));
    await store.close?.();
    const other = await opened(world, torrent);
    assertEquals(await found(other), all(torrent));
    await assertPieces(other, torrent, all(torrent));
    await other.remove();
    await other.close?.();
    const last = await opened(world, torrent);
    assertEquals(await found(last), []);
    await last.close?.();
  });

  test("removes one torrent and leaves another", async (world) => {
    const one = await stored([["one/a", 40_000], ["one/b", 40_000]], {
      seed: 1,
    });
    const two = await stored([["two/a", 90_000]], { seed: 2 });
    const storage = await world.open();
    const first = await storage.open(one);
    const second = await storage.open(two);
    await found(first);
    await found(second);
    await Promise.all([
      write(first, one, all(one)),
      write(second, two, all(two)),
    ]);
    await first.finish?.(0);
    await second.finish?.(0);
    await first.remove();
    await first.remove();
    assertEquals(await found(first), []);
    await assertPieces(second, two, all(two));
    await first.close?.();
    await second.close?.();
    const again = await opened(world, one);
    assertEquals(await found(again), []);
    await again.close?.();
  });

  test("a manager goes on where another was", async (world) => {
    const torrent = await stored(PLAIN);
    const runs: (readonly [write: number[], bad: number[], had: number[]])[] = [
      [[0, 1, 2], [1], []],
      [[1, 3], [], [0, 2]],
      [[], [], all(torrent)],
    ];
    for (const [pieces, bad, had] of runs) {
      await using disk = new DiskManager({ storage: await world.open() });
      const storage = await disk.add(torrent);
      assertEquals([...storage.have], had);
      for (const i of pieces) {
        const piece = torrent.content[i]!.slice();
        if (bad.includes(i)) piece[9]! ^= 1;
        assertEquals(storage.writeBlock(i, 0, piece), "accepted");
      }
      // None waits for others to be written with.
      void storage.flush();
      let left = pieces.length;
      const events = storage.events()[Symbol.asyncIterator]();
      for (; left > 0; left--) {
        const { value } = await events.next();
        const { type, pieceIndex } = value;
        assertEquals(
          type,
          bad.includes(pieceIndex) ? "piece-bad" : "piece-good",
        );
      }
      await storage.confirm();
      for (const i of storage.have) {
        const piece = torrent.content[i]!;
        assertEquals(await storage.readBlock(i, 0, piece.length), piece);
      }
    }
  });
}
