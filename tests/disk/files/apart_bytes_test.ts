import { assertEquals } from "@std/assert";
import { systemClock } from "../../../_shared/clock.ts";
import type { FileAllocation } from "../../../disk/storage.ts";
import { HandleCache } from "../../../disk/files/handle_cache.ts";
import { partFileName } from "../../../disk/files/part_file.ts";
import { TorrentFiles } from "../../../disk/files/torrent_files.ts";
import { MemoryFileSystem } from "../../../disk/memory_file_system.ts";
import { makeTorrent, type TestTorrent } from "../support.ts";

const pure = { permissions: "none" } as const;

function setUp(
  torrent: TestTorrent,
  allocation: FileAllocation,
  sizes: readonly (number | undefined)[] = [],
) {
  const memory = new MemoryFileSystem();
  sizes.forEach((size, i) => {
    if (size === undefined) return;
    memory.open(torrent.paths[i]!, { write: true })
      .truncate(size);
  });
  const files = new TorrentFiles(
    new HandleCache(memory),
    [],
    torrent,
    { allocation, clock: systemClock },
  );
  const read = (fileIndex: number) => {
    const path = torrent.paths[fileIndex]!;
    const bytes = new Uint8Array(memory.stat(path)?.size ?? 0);
    if (bytes.length > 0) memory.open(path).read(bytes, 0);
    return bytes;
  };
  const hasPart = () =>
    memory.stat([partFileName(torrent.infoHash)]) !== undefined;
  return { memory, files, read, hasPart };
}

const small = makeTorrent({ pieceLength: 16, files: [25, 40] });

Deno.test(
  "ApartBytes: a compact file is apart from the piece on in which it ends",
  pure,
  async () => {
    for (
      const [sizes, apart] of [
        [[25, 40], [undefined, undefined]],
        [[undefined, undefined], [0, 0]],
        [[0, 0], [0, 0]],
        // The second begins at 25: its pieces begin at 7, 23 and 39.
        [[16, 7], [16, 7]],
        [[20, 20], [16, 7]],
        [[24, 39], [16, 39]],
        [[15, 6], [0, 0]],
        [[26, 41], [undefined, undefined]],
      ] as const
    ) {
      const { files } = setUp(small, "compact", sizes);
      await files.load(() => true, false);
      assertEquals(
        [0, 1].map((i) => files.apart.from(i)),
        [...apart],
        `${sizes}`,
      );
    }
  },
);

Deno.test(
  "ApartBytes: other files are apart when they are not there nor wanted",
  pure,
  async () => {
    const { files } = setUp(small, "sparse", [undefined, 5]);
    await files.load(() => true, false);
    assertEquals([0, 1].map((i) => files.apart.from(i)), [
      undefined,
      undefined,
    ]);
    await files.load(() => false, false);
    assertEquals([0, 1].map((i) => files.apart.from(i)), [0, undefined]);
    const [span] = small.layout.spans(0, 0, 1);
    assertEquals(files.apart.has(span!), true);
  },
);

Deno.test(
  "ApartBytes: what waits of a file comes to it, however long it is",
  pure,
  async () => {
    const MIB = 1 << 20;
    const large = makeTorrent({
      pieceLength: 2.5 * MIB,
      files: [4 * MIB, 100],
    });
    const { files, read, hasPart } = setUp(large, "sparse");
    let wanted = false;
    await files.load((i) => i > 0 || wanted, false);
    for (const [pieceIndex, bytes] of large.content.entries()) {
      await files.writePiece(pieceIndex, [{
        offset: 0,
        bytes: bytes.slice(),
      }]);
    }
    assertEquals([read(0).length, hasPart()], [0, true]);
    assertEquals([0, 1].map((i) => files.apart.isInPartFile(i)), [true, true]);
    wanted = true;
    await files.apart.select(0);
    const right = new Uint8Array(4 * MIB);
    right.set(large.content[0]!);
    right.set(large.content[1]!.subarray(0, 1.5 * MIB), 2.5 * MIB);
    assertEquals(read(0).every((byte, i) => byte === right[i]), true);
    assertEquals([read(0).length, hasPart()], [4 * MIB, false]);
    assertEquals(files.apart.from(0), undefined);
  },
);

Deno.test(
  "ApartBytes: a compact file grows when what was missing before comes",
  pure,
  async () => {
    const { files, read, hasPart } = setUp(small, "compact");
    await files.load(() => true, false);
    const good = new Set<number>();
    files.isGood = (i) => good.has(i);
    const lengths: number[][] = [];
    for (const pieceIndex of [2, 1, 4, 0, 3]) {
      const bytes = small.content[pieceIndex]!;
      await files.writePiece(pieceIndex, [{
        offset: 0,
        bytes: bytes.slice(),
      }]);
      good.add(pieceIndex);
      await files.apart.pieceGood(pieceIndex);
      lengths.push([read(0).length, read(1).length]);
    }
    assertEquals(lengths.slice(0, 2).map(([first]) => first), [0, 0]);
    assertEquals(lengths.at(-1), [25, 40]);
    const whole = Uint8Array.from(small.content.flatMap((piece) => [...piece]));
    assertEquals(read(0), whole.subarray(0, 25));
    assertEquals(read(1), whole.subarray(25));
    assertEquals(hasPart(), false);
  },
);

Deno.test(
  "ApartBytes: a file that is no longer wanted stays if it is there",
  pure,
  async () => {
    const { files } = setUp(small, "sparse", [0, undefined]);
    await files.load(() => true, false);
    for (const i of [0, 1]) await files.apart.deselect(i);
    assertEquals([0, 1].map((i) => files.apart.from(i)), [undefined, 0]);
    await files.apart.select(1);
    assertEquals(files.apart.from(1), undefined);
  },
);

Deno.test(
  "ApartBytes: each file takes its own out of the part file",
  pure,
  async () => {
    const { files, read, hasPart } = setUp(small, "sparse");
    const wanted = new Set<number>();
    await files.load((i) => wanted.has(i), false);
    for (const [pieceIndex, bytes] of small.content.entries()) {
      await files.writePiece(pieceIndex, [{ offset: 0, bytes: bytes.slice() }]);
    }
    const whole = Uint8Array.from(small.content.flatMap((piece) => [...piece]));
    wanted.add(0);
    await files.apart.select(0);
    assertEquals([read(0), read(1).length], [whole.subarray(0, 25), 0]);
    // The piece that both have a part of waits for the other.
    assertEquals([0, 1, 2].map((i) => files.apart.isInPartFile(i)), [
      false,
      true,
      true,
    ]);
    wanted.add(1);
    await files.apart.select(1);
    assertEquals([read(1), hasPart()], [whole.subarray(25), false]);
    // Nothing has a suffix, so nothing is to be given its name.
    assertEquals([0, 1].map((i) => files.isComplete(i)), [false, false]);
  },
);
