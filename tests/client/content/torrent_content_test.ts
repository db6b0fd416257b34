import { assertEquals, assertRejects } from "@std/assert";
import { Bitfield } from "../../../_shared/bitfield.ts";
import type { SwarmPeer } from "../../../client/peers/swarm_peer.ts";
import {
  lostWarning,
  surplusWarning,
  unreadableWarning,
} from "../../../client/content/torrent_warnings.ts";
import { DiskError } from "../../../disk/error.ts";
import { block, makePeer } from "./fake_download.ts";
import { makeMetainfo, openContent } from "./fake_content.ts";

const none = { permissions: "none" } as const;
const lost = new DiskError("io", "gone", {
  operation: "read",
});

/** A peer that has all five pieces. */
function makeSwarmPeer(key: number, has = Bitfield.full(5)) {
  const peer = makePeer(key, 0, has);
  const connection = Object.assign(peer.source.connection, {
    choke() {},
    unchoke() {},
    have() {},
  });
  Object.assign(connection.state, { peerInterested: false });
  return { ...peer, peer: peer.source as unknown as SwarmPeer };
}

Deno.test(
  "TorrentContent wants files and pieces as it was asked",
  none,
  async () => {
    const { content } = await openContent({
      options: {
        filePriorities: [7, 3],
        piecePriorities: [[3, 2], [4, 1], [5, 6]],
      },
      leftOut: [1],
    });
    const { wishes } = content;
    assertEquals([0, 1, 2].map((i) => wishes.filePriority(i)), [7, 0, 4]);
    // There is no sixth piece.
    assertEquals([...wishes.ownPriorities!], [[3, 2], [4, 1]]);
    assertEquals([...wishes.priorities!], [7, 7, 0, 2, 1]);
    // What was wanted before there were peers holds for them.
    const { pieces } = content.download.picker;
    assertEquals([0, 1, 2, 3, 4].map((i) => pieces.priority(i)), [
      7,
      7,
      0,
      2,
      1,
    ]);
    const plain = await openContent();
    assertEquals(plain.content.wishes.filePriorities, undefined);
    assertEquals(plain.content.wishes.ownPriorities, undefined);
  },
);

Deno.test(
  "TorrentContent counts pieces once that the check found",
  none,
  async () => {
    const { content, log, tell } = await openContent({
      have: [0],
      early: [{ type: "piece-good", pieceIndex: 0 }],
    });
    assertEquals(log(), [["piece", { pieceIndex: 0, good: true }], [
      "progress",
    ]]);
    assertEquals([content.wishes.doneBytes, content.isUnproven], [
      32_768,
      false,
    ]);
    tell({ type: "piece-good", pieceIndex: 1 });
    assertEquals(log(), [["piece", { pieceIndex: 1, good: true }], [
      "progress",
    ]]);
    assertEquals([content.wishes.doneBytes, content.isUnproven], [
      65_536,
      true,
    ]);
    const confirmed = content.confirm();
    assertEquals(content.confirm() === confirmed, true);
    await confirmed;
    assertEquals([content.isUnproven, log()], [false, [["confirm"]]]);
    await content.confirm();
    assertEquals(log(), [["confirm"]]);
  },
);

Deno.test(
  "TorrentContent tells what the disk tells, peers or not",
  none,
  async () => {
    for (const hasPeer of [false, true]) {
      const { content, log, tell } = await openContent();
      if (hasPeer) content.addPeer(makeSwarmPeer(1).peer);
      assertEquals(log(), []);
      tell({ type: "error", error: lost, paused: false });
      assertEquals(log(), []);
      tell({ type: "error", error: lost, paused: true });
      assertEquals(log(), [["fail", "Cannot read: gone"]]);
      tell({ type: "piece-bad", pieceIndex: 2, reason: "hash" });
      assertEquals(log(), [["piece", { pieceIndex: 2, good: false }]]);
      tell({ type: "piece-good", pieceIndex: 2 });
      assertEquals(log(), [["piece", { pieceIndex: 2, good: true }], [
        "progress",
      ]]);
      assertEquals(content.wishes.doneBytes, 32_768);
      tell({ type: "surplus", files: [1] });
      tell({ type: "unreadable", files: [2], error: lost });
      const lines = log();
      const { metainfo } = content.torrent;
      for (
        const { type, ...rest } of [
          surplusWarning([1], metainfo!),
          unreadableWarning([2], lost, metainfo!),
        ]
      ) assertEquals(lines.shift(), [type, rest]);
      if (hasPeer) assertEquals(content.download.picker.haveCount, 1);
    }
  },
);

Deno.test(
  "TorrentContent wants pieces again that were lost, unless it only reads",
  none,
  async () => {
    const whole = [0, 1, 2, 3, 4];
    const { type, ...rest } = lostWarning([3, 4], lost);
    const warning = [type, rest];
    const writes = await openContent({ have: whole });
    writes.content.addPeer(makeSwarmPeer(1).peer);
    writes.lose(3);
    writes.lose(4);
    writes.tell({ type: "pieces-lost", pieces: [3, 4], error: lost });
    assertEquals(writes.log(), [["web seeds", false], warning, ["progress"]]);
    const { wishes, download } = writes.content;
    assertEquals([wishes.doneBytes, wishes.isDone], [98_304, false]);
    assertEquals(download.picker.pieces.state(3), "open");
    assertEquals(writes.content.hasLost, false);
    const reads = await openContent({
      have: whole,
      options: { readOnly: true },
    });
    reads.lose(3);
    reads.lose(4);
    reads.tell({ type: "pieces-lost", pieces: [3, 4], error: lost });
    assertEquals(reads.log(), [["web seeds", false], warning, ["progress"]]);
    assertEquals([reads.content.wishes.isDone, reads.content.hasLost], [
      true,
      true,
    ]);
    for (const i of [0, 1, 2]) reads.lose(i);
    reads.tell({ type: "pieces-lost", pieces: [0, 1, 2], error: lost });
    assertEquals(reads.log().at(-1), ["fail", "Cannot read: gone"]);
    // A check finds out what is to be served.
    const picker = reads.content.download.picker;
    reads.content.rechecked();
    assertEquals([reads.content.wishes.isDone, reads.content.hasLost], [
      false,
      false,
    ]);
    assertEquals(reads.content.download.picker === picker, false);
  },
);

Deno.test(
  "TorrentContent serves what is there of a torrent that it only reads",
  none,
  async () => {
    for (
      const [have, readOnly, isPart] of [
        [[1, 2], true, true],
        [[1, 2], false, false],
        [[], true, false],
        [[0, 1, 2, 3, 4], true, false],
      ] as const
    ) {
      const { content, log } = await openContent({
        have,
        options: { readOnly },
      });
      assertEquals(content.hasLost, isPart);
      assertEquals(content.wishes.isDone, isPart || have.length === 5);
      assertEquals(log().length, isPart ? 1 : 0);
      if (isPart) {
        assertEquals(content.wishes.ownPriorities!.size, 3);
        assertEquals(content.wishes.wantedBytes, 65_536);
      }
    }
  },
);

Deno.test(
  "TorrentContent serves whole blocks of the last piece of v2 files",
  none,
  async () => {
    for (
      const [version, served, isServed] of [
        ["v1", 40_000 - 32_768, false],
        ["v2", 32_768, true],
        ["hybrid", 32_768, true],
      ] as const
    ) {
      const metainfo = await makeMetainfo(version);
      const { content } = await openContent({ metainfo });
      assertEquals([0, 4].map((i) => content.servedSize(i)), [32_768, served]);
      assertEquals(content.hashes !== undefined, isServed);
    }
  },
);

Deno.test(
  "TorrentContent asks web seeds while something is wanted and written",
  none,
  async () => {
    const { content, log, tell } = await openContent({ have: [0, 1, 2, 3] });
    content.completeChanged();
    content.start();
    content.completeChanged();
    const asked = (isWanted: boolean) => ["web seeds", isWanted];
    assertEquals(log(), [asked(false), asked(true), asked(true)]);
    content.setPiecePriorities(new Map([[4, 0]]));
    content.setPiecePriorities(new Map([[4, undefined]]));
    assertEquals(log(), [asked(false), asked(true)]);
    content.stop();
    content.start();
    assertEquals(log(), [asked(false), asked(true)]);
    tell({ type: "piece-good", pieceIndex: 4 });
    content.completeChanged();
    assertEquals(log().at(-1), asked(false));
    const reads = await openContent({ options: { readOnly: true } });
    reads.content.start();
    assertEquals(reads.log(), [asked(false)]);
  },
);

Deno.test(
  "TorrentContent makes files that come to be wanted, and no others",
  none,
  async () => {
    const it = await openContent({ leftOut: [1] });
    const { content, log } = it;
    content.addPeer(makeSwarmPeer(1).peer);
    const { pieces } = content.download.picker;
    await content.setFilePriorities(new Map([[0, 1], [1, 0], [2, 0]]));
    assertEquals(log(), [["leave out", 2], ["web seeds", false]]);
    assertEquals([...content.wishes.filePriorities!], [1, 0, 0]);
    assertEquals([0, 2, 4].map((i) => pieces.priority(i)), [1, 0, 0]);
    await content.setFilePriorities(new Map([[1, 1]]));
    assertEquals(log(), [["make", 1], ["web seeds", false]]);
    // What went well before counts, and so does what comes after.
    it.failing = true;
    const failed = content.setFilePriorities(new Map([[0, 5], [2, 1], [1, 7]]));
    await assertRejects(() => failed, Error, "full");
    assertEquals([...content.wishes.filePriorities!], [5, 1, 0]);
    it.failing = false;
    await content.setFilePriorities(new Map([[0, 4], [1, 4], [2, 4]]));
    assertEquals(pieces.priority(4), 4);
  },
);

Deno.test("TorrentContent leaves padding alone", none, async () => {
  const { content, log } = await openContent({
    metainfo: await makeMetainfo("hybrid", { a: 20_000, b: 20_000 }),
    options: { filePriorities: [4, 1, 4, 1] },
  });
  assertEquals(content.layout.files.map(({ pad }) => pad), [
    false,
    true,
    false,
    true,
  ]);
  assertEquals(content.wishes.filePriorities, undefined);
  await content.setFilePriorities(new Map([[1, 0]]));
  assertEquals(content.wishes.filePriorities, undefined);
  assertEquals(log(), [["web seeds", false]]);
});

Deno.test(
  "TorrentContent keeps moments for peers that come later",
  none,
  async () => {
    const { content, tell } = await openContent({ have: [0] });
    content.setDeadline(0, 5);
    content.setDeadline(1, 5);
    content.readSoon(new Map([[2, 7]]));
    const { download } = content;
    const due = () =>
      [0, 1, 2, 3].filter((i) => download.picker.pieces.hasDeadline(i));
    assertEquals(due(), [1, 2]);
    content.setDeadline(3, 9);
    content.setDeadline(1, undefined);
    assertEquals(due(), [2, 3]);
    let told = 0;
    const { dueChanged } = download;
    download.dueChanged = (due) => (told++, dueChanged.call(download, due));
    content.readSoon(new Map([[2, 8]]));
    assertEquals([told, due()], [0, [2, 3]]);
    content.readSoon(new Map([[1, 8]]));
    assertEquals([told, due()], [1, [1, 3]]);
    // One that is there is due no more.
    tell({ type: "piece-good", pieceIndex: 3 });
    content.rechecked();
    assertEquals(content.download.picker.pieces.hasDeadline(3), false);
  },
);

Deno.test(
  "TorrentContent wants what is read of files that are left out",
  none,
  async () => {
    const ranges = [{ first: 2, end: 3 }];
    const { content, log } = await openContent({ leftOut: [1] });
    content.setRead(ranges);
    assertEquals(log(), [["web seeds", false], ["progress"]]);
    assertEquals(content.wishes.piecePriority(2), 4);
    const all = await openContent();
    all.content.setRead(ranges);
    assertEquals(all.log(), []);
    const reads = await openContent({
      leftOut: [1],
      options: { readOnly: true },
    });
    reads.content.setRead(ranges);
    assertEquals([reads.log(), reads.content.wishes.piecePriority(2)], [[], 0]);
  },
);

Deno.test(
  "TorrentContent frees the books of peers, and keeps the sums",
  none,
  async () => {
    const { content, tell } = await openContent();
    content.rest();
    assertEquals([content.availability(0), content.distributedCopies()], [
      0,
      0,
    ]);
    content.start();
    const books = () => content.download;
    const { peer, asked } = makeSwarmPeer(1);
    content.addPeer(peer);
    assertEquals(asked.length, 8);
    assertEquals([content.availability(0), content.distributedCopies()], [
      1,
      1,
    ]);
    content.handle(peer, block(0, 0));
    content.handle(peer, block(0, 0));
    assertEquals(content.figures().wastedBytes, 16_384);
    assertEquals(content.figures().downloadRate > 0, true);
    content.handle(peer, block(0, 1));
    const first = books();
    // A piece waits to be verified.
    content.rest();
    assertEquals(books() === first, true);
    tell({ type: "piece-good", pieceIndex: 0 });
    Object.defineProperty(content.webSeeds, "isActive", {
      value: true,
      configurable: true,
    });
    content.rest();
    assertEquals(books() === first, true);
    Object.defineProperty(content.webSeeds, "isActive", { value: false });
    content.removePeer(peer);
    content.rest();
    assertEquals(content.figures(), {
      wantedBytes: 138_304,
      doneBytes: 32_768,
      downloadRate: 0,
      uploadRate: 0,
      piecesDone: 1,
      wastedBytes: 16_384,
    });
    assertEquals(books() === first, false);
    assertEquals([books().active, first.active], [true, false]);
    content.addPeer(peer);
    content.handle(peer, block(0, 1));
    assertEquals(content.figures().wastedBytes, 32_768);
    content.rechecked();
    assertEquals(content.figures().wastedBytes, 32_768);
    content.stop();
    assertEquals(books().active, false);
  },
);

Deno.test(
  "TorrentContent closes its files, or deletes them",
  none,
  async () => {
    const { content, log } = await openContent();
    await content.close({});
    assertEquals(log(), [["web seeds", false], ["remove", {}]]);
    await content.close({ deleteFiles: true });
    assertEquals(log().at(-1), ["remove", { deleteFiles: true }]);
  },
);
