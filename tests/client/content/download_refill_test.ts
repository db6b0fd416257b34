// When which peer is asked for how much, and what is taken back.
import { assertEquals } from "@std/assert";
import { Bitfield } from "../../../_shared/bitfield.ts";
import { block, BLOCKS, makeDownload, makePeer } from "./fake_download.ts";

const none = { permissions: "none" } as const;

/** The numbers of the blocks of a piece. */
const of = (pieceIndex: number, first = 0, end = BLOCKS) =>
  Array.from(
    { length: end - first },
    (_, i) => pieceIndex * BLOCKS + first + i,
  );

/** Some of so many pieces. */
function only(pieces: number, ...has: number[]): Bitfield {
  const field = new Bitfield(pieces);
  for (const i of has) field.set(i);
  return field;
}

Deno.test(
  "Download asks for nothing that is stored, or nothing but padding",
  none,
  () => {
    const { download, looked } = makeDownload({
      pieces: 5,
      padding: 10,
      have: [2],
      stored: { 0: [0, 1, 7], 2: of(0), 3: [6, 7], 4: of(0) },
    });
    // Only where blocks may be there already.
    assertEquals(looked, [0, 3, 4]);
    download.start();
    const peer = makePeer(1, 0, Bitfield.full(5), { size: 100 });
    download.addPeer(peer.source);
    assertEquals(peer.asked, [...of(0, 2, 7), ...of(1), ...of(3, 0, 6)]);
    // Without padding, nothing is looked at but what is partly there.
    assertEquals(makeDownload({ stored: { 1: [3] } }).looked, [1]);
  },
);

Deno.test(
  "Download looks at peers once for all that happens at a time",
  none,
  async () => {
    const { clock, download } = makeDownload();
    const peer = makePeer(1, 0, Bitfield.full(2), { size: 4 });
    const empty = makePeer(2, 0, new Bitfield(2));
    download.addPeer(peer.source);
    download.addPeer(empty.source);
    download.refillAll();
    await clock.advance(0);
    assertEquals(peer.looks.length, 0);
    download.start();
    download.refillAll();
    download.tick();
    await clock.advance(0);
    assertEquals([peer.looks.length, peer.asked], [1, of(0, 0, 4)]);
    // Nothing was asked of it: others get nothing by that.
    download.removePeer(empty.source);
    download.removePeer(empty.source);
    await clock.advance(0);
    assertEquals(peer.looks.length, 1);
    download.handle(peer.source, { type: "dont-have", pieceIndex: 1 });
    await clock.advance(0);
    assertEquals(peer.looks.length, 1);
    download.handle(peer.source, { type: "dont-have", pieceIndex: 0 });
    await clock.advance(0);
    assertEquals(peer.looks.length, 2);
    download.stop();
    download.tick();
    await clock.advance(0);
    assertEquals(peer.looks.length, 2);
  },
);

Deno.test(
  "Download asks a peer that was idle at once for what it gets",
  none,
  () => {
    const { download } = makeDownload();
    download.start();
    const peer = makePeer(1, 0, new Bitfield(2), { size: 4 });
    download.addPeer(peer.source);
    download.handle(peer.source, { type: "have", pieceIndex: 1 });
    assertEquals(peer.asked, of(1, 0, 4));
    const looks = peer.looks.length;
    download.handle(peer.source, { type: "have", pieceIndex: 0 });
    assertEquals(peer.looks.length, looks);
    // After each block there is room for another.
    download.handle(peer.source, block(1, 0));
    download.handle(peer.source, block(1, 1));
    assertEquals(peer.asked, of(1, 0, 6));
    // Also after one of no use.
    download.picker.released(1, {
      pieceIndex: 1,
      blockOffset: 5 * 16_384,
      length: 16_384,
    });
    download.handle(peer.source, block(1, 0));
    assertEquals(peer.asked, [...of(1, 0, 6), 13]);
  },
);

Deno.test(
  "Download asks a peer that chokes for what it allows, if anything",
  none,
  () => {
    const { download } = makeDownload();
    download.start();
    const strict = makePeer(1, 0, Bitfield.full(2), { choking: true });
    download.addPeer(strict.source);
    assertEquals([strict.asked, strict.looks], [[], []]);
    const kind = makePeer(2, 0, Bitfield.full(2), {
      choking: true,
      allowed: [1],
    });
    download.addPeer(kind.source);
    assertEquals(kind.asked, of(1));
  },
);

Deno.test(
  "Download leaves seeds the time for what only they have",
  none,
  async () => {
    const { clock, download } = makeDownload({ pieces: 2 });
    download.start();
    const seed = makePeer(1, 0, Bitfield.full(2), { size: 2 });
    download.addPeer(seed.source);
    const other = makePeer(2, 0, new Bitfield(2), { choking: true });
    download.addPeer(other.source);
    download.handle(other.source, { type: "have", pieceIndex: 0 });
    assertEquals(seed.cancelled, [0, 1]);
    const looks = seed.looks.length;
    await clock.advance(0);
    assertEquals(seed.looks.length, looks + 1);
    // What both have already is no news.
    download.handle(other.source, { type: "have", pieceIndex: 0 });
    await clock.advance(0);
    assertEquals([seed.cancelled, seed.looks.length], [[0, 1], looks + 1]);
  },
);

Deno.test(
  "Download: what is due within two seconds does not wait behind the rest",
  none,
  () => {
    for (
      const [at, isPressing] of [
        [1_999, true],
        [2_000, false],
        [undefined, false],
      ] as const
    ) {
      const { download } = makeDownload({ pieces: 3 });
      download.start();
      const peer = makePeer(1, 0, Bitfield.full(3));
      const server = makePeer(2, 0, only(3, 1), { takesRuns: true });
      download.addPeer(peer.source);
      download.addPeer(server.source);
      assertEquals([peer.asked, server.asked], [of(0), of(1)]);
      download.dueChanged([[2, at]]);
      assertEquals(peer.cancelled, isPressing ? of(0) : [], `${at}`);
      assertEquals(server.cancelled, []);
      // It was due before.
      download.picker.releaseAll(1);
      peer.cancelled.length = 0;
      download.refill(peer.source);
      download.dueChanged([[2, 1]]);
      assertEquals(peer.cancelled, at === undefined ? of(0) : []);
    }
  },
);

Deno.test(
  "Download keeps queues short while pieces are due, and a while after",
  none,
  async () => {
    const { clock, download } = makeDownload();
    download.start();
    const peer = makePeer(1, 0, Bitfield.full(2));
    download.addPeer(peer.source);
    await clock.advance(1);
    const look = () => {
      download.refill(peer.source);
      return peer.looks.at(-1);
    };
    assertEquals(look(), undefined);
    download.dueChanged([[1, 9_000]]);
    assertEquals(look(), 500);
    await clock.advance(5_000);
    assertEquals(look(), 500);
    download.dueChanged([[1, undefined]]);
    await clock.advance(1_999);
    assertEquals(look(), 500);
    await clock.advance(1);
    assertEquals(look(), undefined);
  },
);

Deno.test(
  "Download takes over no more than eight blocks, for those that idle",
  none,
  async () => {
    for (
      const [size, asked, most] of [[3, 16, 3], [20, 16, 8], [
        20,
        7,
        1,
      ]] as const
    ) {
      const { clock, download } = makeDownload({ pieces: 3 });
      download.start();
      const slow = makePeer(1, 0, Bitfield.full(3), { size: asked });
      download.addPeer(slow.source);
      assertEquals(slow.asked.length, asked);
      const fast = makePeer(2, 1_000, only(3, 0, 1), { size });
      if (asked === 7) fast.source.connection.peerHas.clear(1);
      download.addPeer(fast.source);
      // One that has something to do takes nothing over.
      assertEquals(fast.asked.length, asked === 7 ? 1 : 0);
      await clock.advance(15_000);
      download.refill(fast.source);
      assertEquals([fast.asked.length, slow.cancelled.length], [
        most,
        asked === 7 ? 0 : most,
      ]);
    }
  },
);

Deno.test(
  "Download asks sources of runs for whole pieces, as many as they take",
  none,
  async () => {
    const { clock, download } = makeDownload({ pieces: 4 });
    download.start();
    const closed = { takesRuns: true, requestWindow: 0 };
    const full = makePeer(1, 0, Bitfield.full(4), closed);
    download.addPeer(full.source);
    assertEquals([full.asked, full.looks], [[], []]);
    const open = { takesRuns: true, requestWindow: 2 * BLOCKS };
    const server = makePeer(2, 0, Bitfield.full(4), open);
    download.addPeer(server.source);
    assertEquals(server.asked, [...of(0), ...of(1)]);
    // With pieces of its own gone, it helps with what others began.
    const peer = makePeer(3, 0, only(4, 2, 3), { size: 2 });
    download.addPeer(peer.source);
    assertEquals(peer.asked, of(2, 0, 2));
    for (const i of [0, 1]) {
      for (let n = 0; n < BLOCKS; n++) {
        download.handle(
          server.source,
          block(i, n),
        );
      }
      download.handleStorage({ type: "piece-good", pieceIndex: i });
    }
    assertEquals(server.asked.slice(2 * BLOCKS), [...of(3), ...of(2, 2)]);
    assertEquals(download.picker.outstanding(2), 14);
    // It takes nothing over before all of that came.
    await clock.advance(15_000);
    download.refill(server.source);
    assertEquals(server.asked.length, 2 * BLOCKS + 14);
  },
);

Deno.test(
  "Download has a source of runs take over what stalls",
  none,
  async () => {
    const { clock, download } = makeDownload();
    download.start();
    const slow = makePeer(1, 0, Bitfield.full(2), { size: 12 });
    download.addPeer(slow.source);
    const server = makePeer(2, 0, only(2, 0), { takesRuns: true });
    download.addPeer(server.source);
    assertEquals(server.asked, []);
    await clock.advance(15_000);
    download.refill(server.source);
    assertEquals(server.asked.length, BLOCKS);
    assertEquals(slow.cancelled, server.asked);
  },
);

Deno.test("Download gives all peers turns under a limit", none, () => {
  const { download } = makeDownload({ pieces: 8, bytesPerSecond: 2 * 16_384 });
  download.start();
  const peers = [1, 2, 3, 4, 5, 6].map((key) =>
    makePeer(key, 0, Bitfield.full(8))
  );
  for (const { source } of peers) download.addPeer(source);
  const asked = () => peers.map(({ asked }) => asked.length);
  // Two seconds' worth; the rest wait for their turn.
  assertEquals(asked(), [2, 2, 0, 0, 0, 0]);
  download.handle(peers[0]!.source, block(0, 0));
  assertEquals(asked(), [2, 2, 1, 0, 0, 0]);
  // One that left meanwhile is passed over.
  download.removePeer(peers[3]!.source);
  download.handle(peers[1]!.source, block(0, 2));
  assertEquals(asked(), [2, 2, 1, 0, 1, 0]);
});

Deno.test(
  "Download goes on where nothing could be stored, or was lost again",
  none,
  () => {
    const { download, disk } = makeDownload();
    download.start();
    const peer = makePeer(1, 0, Bitfield.full(2), { size: 2 });
    download.addPeer(peer.source);
    disk.result = "refused";
    download.handle(peer.source, block(0, 0));
    assertEquals([download.wastedBytes, peer.asked], [16_384, [0, 1, 0]]);
    disk.result = "stored";
    disk.state = "paused";
    download.handle(peer.source, block(0, 0));
    assertEquals(peer.asked, [0, 1, 0]);
    disk.state = "active";
    const blocks = () => download.picker.stats().freeBlocks;
    const before = blocks();
    for (const reason of ["hash", "contradiction", "lost"] as const) {
      download.handleStorage({ type: "piece-bad", pieceIndex: 0, reason });
      assertEquals(blocks() - before, reason === "lost" ? 1 : 0, reason);
    }
  },
);
