import { assertEquals } from "@std/assert";
import { Bitfield } from "../../../_shared/bitfield.ts";
import { block, BLOCKS, makeDownload, makePeer } from "./fake_download.ts";

const none = { permissions: "none" } as const;

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

Deno.test("Download tells the storage what is due", none, () => {
  const { download, told } = makeDownload();
  const peer = makePeer(1, 100_000, Bitfield.full(2));
  download.addPeer(peer.source);
  download.start();
  download.picker.pieces.setDeadline(1, 60_000);
  download.handle(peer.source, block(0, 0));
  download.handle(peer.source, block(1, 0));
  assertEquals(told, ["due 1"]);
});

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
    delete disk.pressure;
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
