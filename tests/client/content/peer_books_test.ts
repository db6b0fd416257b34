import { assertEquals } from "@std/assert";
import { Bitfield } from "../../../_shared/bitfield.ts";
import { PeerBooks } from "../../../client/content/peer_books.ts";
import type { SwarmPeer } from "../../../client/peers/swarm_peer.ts";
import type { PeerSessionEvent } from "../../../peer/mod.ts";
import type { Revelation } from "../../../select/revelation.ts";
import { openContent } from "./fake_content.ts";
import { makePeer } from "./fake_download.ts";

const none = { permissions: "none" } as const;

/** Books of a torrent whose choker and revelation note what they are told. */
async function setUp(readOnly: boolean) {
  const log: unknown[] = [];
  const note = (...line: unknown[]) => (log.push(line), []);
  const revelation = (): Revelation => ({
    name: "spy",
    tellsAll: true,
    isDone: false,
    connected: () => ({}),
    disconnected: (key) => note("gone", key),
    verified: () => [],
    peerHas: (key, pieceIndex) => note("has", key, pieceIndex),
    tick: (now) => note("tick", now),
  });
  const { content, clock } = await openContent({
    options: {
      readOnly,
      revelation,
      choker: () => ({
        name: "spy",
        optimistic: new Set(),
        tick: () => (note("choker"), new Set()),
      }),
    },
  });
  const peer = makePeer(1, 0, Bitfield.full(5));
  Object.assign(peer.source.connection, {
    choke() {},
    rejectRequest: () => note("rejected"),
  });
  const told = async () => {
    await clock.advance(0);
    return log.splice(0);
  };
  const swarmPeer = peer.source as unknown as SwarmPeer;
  return { books: new PeerBooks(content), told, clock, peer, swarmPeer };
}

Deno.test("PeerBooks tells each part what concerns it", none, async () => {
  const { books, told, clock, peer, swarmPeer } = await setUp(false);
  books.start();
  assertEquals(await told(), [["choker"]]);
  books.add(swarmPeer);
  assertEquals([peer.asked.length, peer.wishes.at(-1)], [8, true]);
  const handle = (event: object) =>
    books.handle(swarmPeer, event as PeerSessionEvent);
  for (const type of ["interested", "not-interested"]) {
    handle({ type });
    assertEquals(await told(), [["choker"]], type);
  }
  // Nothing is left of the piece from there on.
  const request = { pieceIndex: 4, blockOffset: 16_384, length: 16_384 };
  handle({ type: "serve", request });
  handle({ type: "serve-cancelled", request });
  assertEquals(await told(), [["rejected"]]);
  handle({ type: "have", pieceIndex: 3 });
  handle({ type: "bitfield", pieces: Bitfield.full(5) });
  handle({ type: "have-all", pieces: Bitfield.full(5) });
  const has = ["has", 1, undefined];
  assertEquals(await told(), [["has", 1, 3], has, has]);
  handle({ type: "have-none", pieces: new Bitfield(5) });
  assertEquals([await told(), peer.wishes.at(-1)], [[], false]);
  await clock.advance(10_000);
  books.tick(clock.now());
  assertEquals(await told(), [["choker"], ["tick", 10_000]]);
  books.remove(swarmPeer);
  assertEquals([await told(), peer.source.inPicker], [[["gone", 1]], false]);
  books.close();
  books.tick(30_000);
  assertEquals(await told(), [["tick", 30_000]]);
  assertEquals(books.download.active, false);
});

Deno.test(
  "PeerBooks asks for nothing where nothing is written",
  none,
  async () => {
    const { books, told, peer, swarmPeer } = await setUp(true);
    books.add(swarmPeer);
    books.start();
    assertEquals([peer.asked, await told()], [[], [["choker"]]]);
  },
);
