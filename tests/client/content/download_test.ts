import { assertEquals } from "@std/assert";
import { Bitfield } from "../../../_shared/bitfield.ts";
import { seededRandom } from "../../../_shared/random.ts";
import type { BlockSource } from "../../../client/content/block_source.ts";
import { Download } from "../../../client/content/download.ts";
import type { TorrentContent } from "../../../client/content/torrent_content.ts";
import { RateLimiter } from "../../../client/limits/rate_limiter.ts";
import { PieceLayout } from "../../../metainfo/piece_layout.ts";
import type { BlockAddress } from "../../../metainfo/mod.ts";
import { sequential } from "../../../select/ranked.ts";
import { SimClock } from "../../../testing/sim_clock.ts";

const none = { permissions: "none" } as const;
const BLOCKS = 8;

/** A download of two pieces, with nothing behind it. */
function makeDownload() {
  const clock = new SimClock();
  const layout = new PieceLayout({
    pieceLength: BLOCKS * 16_384,
    files: [{ length: 2 * BLOCKS * 16_384 }],
  });
  const told: string[] = [];
  const disk = {
    result: "stored",
    pressure: undefined as Promise<void> | undefined,
  };
  const download = new Download({
    layout,
    strategy: sequential(),
    storage: {
      have: new Bitfield(2),
      state: "active",
      partialPieces: () => [],
      writeBlock: () => disk.result,
      get pressure() {
        return disk.pressure;
      },
    },
    pieceDone: (i: number) => void told.push(`done ${i}`),
    torrent: {
      publish: ({ type }: { type: string }) => void told.push(type),
      fail: (error: Error) => void told.push(error.message),
      ban: (key: number) => void told.push(`ban ${key}`),
      limits: { download: new RateLimiter({ clock }) },
      context: { clock, random: seededRandom(1) },
    },
  } as unknown as TorrentContent);
  return { clock, download, disk, told };
}

/** A block of a piece, as it comes from a peer. */
const block = (pieceIndex: number, n: number) =>
  ({
    type: "block",
    pieceIndex,
    blockOffset: n * 16_384,
    data: new Uint8Array(16_384),
    late: false,
  }) as const;

/** A peer that notes what it is asked for, and what is taken back. */
function makePeer(key: number, downloadRate: number, peerHas: Bitfield) {
  const asked: number[] = [];
  const cancelled: number[] = [];
  const wishes: boolean[] = [];
  const state = { peerChoking: false, snubbed: false };
  const numberOf = ({ pieceIndex, blockOffset }: BlockAddress) =>
    BLOCKS * pieceIndex + blockOffset / 16_384;
  const source = {
    key,
    window: { isStarting: false, size: () => BLOCKS, restart() {} },
    connection: {
      state,
      allowedFast: new Set(),
      peerHas,
      downloadRate,
      requestWindow: 100,
      setInterested: (wanted: boolean) => void wishes.push(wanted),
      request(blocks: readonly BlockAddress[]) {
        // Some sources would ask for more at once, without end.
        if (blocks.length === 0) throw new Error("It is asked for nothing");
        asked.push(...blocks.map(numberOf));
        return [];
      },
      cancel: (one: BlockAddress) => void cancelled.push(numberOf(one)),
    },
    inPicker: false,
  } as unknown as BlockSource;
  return { source, asked, cancelled, wishes, state };
}

Deno.test(
  "an idle peer takes requests over from a stalled one, not from a slow one",
  none,
  async () => {
    const { clock, download } = makeDownload();
    download.start();
    const slow = makePeer(1, 1_000, Bitfield.full(2));
    download.addPeer(slow.source);
    assertEquals(slow.asked, [0, 1, 2, 3, 4, 5, 6, 7]);
    // The other piece is not asked for yet, so this is no end game.
    const first = new Bitfield(2);
    first.set(0);
    const fast = makePeer(2, 100_000, first);
    download.addPeer(fast.source);
    assertEquals(fast.asked, []);
    await clock.advance(14_999);
    download.tick();
    await clock.advance(1);
    assertEquals(fast.asked, []);
    download.tick();
    await clock.advance(0);
    assertEquals(fast.asked, [7, 6, 5, 4, 3, 2, 1, 0]);
    assertEquals(slow.cancelled, [7, 6, 5, 4, 3, 2, 1, 0]);
    // What a peer that leaves was asked for is asked of others.
    slow.asked.length = 0;
    download.removePeer(fast.source);
    await clock.advance(0);
    assertEquals(slow.asked.toSorted(), [0, 1, 2, 3, 4, 5, 6, 7]);
    slow.cancelled.length = 0;
    download.stop();
    assertEquals(slow.cancelled.length, BLOCKS);
  },
);

Deno.test(
  "Download tells peers whether they are of interest, while it is active",
  none,
  () => {
    const { download } = makeDownload();
    const empty = makePeer(1, 0, new Bitfield(2));
    const full = makePeer(2, 0, Bitfield.full(2));
    download.addPeer(empty.source);
    download.addPeer(full.source);
    assertEquals([empty.wishes, full.wishes], [[false], [false]]);
    assertEquals(full.asked, []);
    download.start();
    download.start();
    assertEquals([empty.wishes, full.wishes], [[false, false], [false, true]]);
    download.handle(empty.source, { type: "have", pieceIndex: 1 });
    assertEquals(empty.wishes.at(-1), true);
    download.handle(empty.source, { type: "dont-have", pieceIndex: 1 });
    assertEquals(empty.wishes.at(-1), false);
    for (const i of [0, 1]) {
      download.handleStorage({ type: "piece-good", pieceIndex: i });
    }
    assertEquals(full.wishes.at(-1), false);
  },
);

Deno.test(
  "Download asks a peer once it is unchoked, others for what is refused",
  none,
  async () => {
    const { clock, download } = makeDownload();
    download.start();
    const [one, two] = [1, 2].map((key) => makePeer(key, 0, Bitfield.full(2)));
    one!.state.peerChoking = true;
    download.addPeer(one!.source);
    assertEquals(one!.asked, []);
    one!.state.peerChoking = false;
    download.handle(one!.source, { type: "unchoked" });
    assertEquals(one!.asked.length, BLOCKS);
    download.addPeer(two!.source);
    assertEquals(two!.asked.length, BLOCKS);
    one!.state.peerChoking = true;
    download.handle(one!.source, { type: "choked" });
    const refused = [{ pieceIndex: 0, blockOffset: 0, length: 16_384 }];
    download.handle(
      one!.source,
      { type: "rejected", blocks: refused, reason: "refused" } as never,
    );
    assertEquals(download.picker.outstanding(1), BLOCKS - 1);
    for (let n = 0; n < BLOCKS; n++) download.handle(two!.source, block(1, n));
    await clock.advance(0);
    assertEquals(two!.asked.slice(BLOCKS)[0], 0);
  },
);

Deno.test(
  "Download counts what is of no use, and takes losers' requests back",
  none,
  async () => {
    const { clock, download } = makeDownload();
    download.start();
    const first = new Bitfield(2);
    first.set(0);
    const [one, two] = [1, 2].map((key) => makePeer(key, 0, first));
    download.addPeer(one!.source);
    download.addPeer(two!.source);
    await clock.advance(0);
    // Nothing else is to be had: one block is asked of both.
    assertEquals(two!.asked.length, 1);
    const [twice] = two!.asked;
    download.handle(two!.source, block(0, twice!));
    assertEquals([one!.cancelled, download.wastedBytes], [[twice], 0]);
    download.handle(one!.source, block(0, twice!));
    download.handle(one!.source, block(1, 0));
    assertEquals(download.wastedBytes, 16_384);
    assertEquals(download.rate > 0, true);
  },
);

Deno.test(
  "Download asks for nothing while there is no memory for it",
  none,
  async () => {
    const { clock, download, disk } = makeDownload();
    download.start();
    const peer = makePeer(1, 0, Bitfield.full(2));
    download.addPeer(peer.source);
    const gate = Promise.withResolvers<void>();
    disk.result = "refused";
    disk.pressure = gate.promise;
    download.handle(peer.source, block(0, 0));
    download.handle(peer.source, block(0, 1));
    await clock.advance(0);
    assertEquals([download.wastedBytes, peer.asked.length], [32_768, BLOCKS]);
    disk.result = "stored";
    disk.pressure = undefined;
    gate.resolve();
    await clock.advance(0);
    assertEquals(peer.asked.slice(BLOCKS).toSorted(), [0, 1]);
  },
);

Deno.test("Download judges pieces as the storage does", none, () => {
  const { download, told } = makeDownload();
  download.start();
  const peer = makePeer(1, 0, Bitfield.full(2));
  download.addPeer(peer.source);
  for (let n = 0; n < BLOCKS; n++) download.handle(peer.source, block(0, n));
  const digests = new Uint8Array(20 * BLOCKS);
  download.handleStorage({
    type: "piece-bad",
    pieceIndex: 0,
    reason: "hash",
    blockDigests: digests,
  });
  assertEquals(told.splice(0), ["ban 1", "piece"]);
  assertEquals(download.wastedBytes, BLOCKS * 16_384);
  for (let n = 0; n < BLOCKS; n++) download.handle(peer.source, block(0, n));
  download.handleStorage({
    type: "piece-good",
    pieceIndex: 0,
    blockDigests: digests,
  });
  assertEquals(told.splice(0), ["done 0"]);
  // One that came from elsewhere is asked of nobody any more.
  assertEquals(peer.cancelled, []);
  download.refill(peer.source);
  download.handleStorage({ type: "piece-good", pieceIndex: 1 });
  assertEquals([peer.cancelled.length, told.splice(0)], [BLOCKS, ["done 1"]]);
  const error = new Error("The disk is full") as never;
  download.handleStorage({ type: "error", error, paused: false });
  download.handleStorage({ type: "error", error, paused: true });
  assertEquals(told.splice(0), ["The disk is full"]);
  download.handleStorage({
    type: "piece-bad",
    pieceIndex: 1,
    reason: "contradiction",
  });
  assertEquals(told.splice(0), [
    "piece",
    "The v1 and v2 hashes of piece 1 disagree: the torrent itself is wrong",
  ]);
});
