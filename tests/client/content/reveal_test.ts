import { assert, assertEquals } from "@std/assert";
import { Bitfield } from "../../../_shared/bitfield.ts";
import { seededRandom } from "../../../_shared/random.ts";
import { PieceRevealer } from "../../../client/content/reveal.ts";
import type { RevelationName } from "../../../client/policy_options.ts";
import type { SwarmPeer } from "../../../client/peers/swarm_peer.ts";
import type { Revelation } from "../../../select/revelation.ts";
import { SimClock } from "../../../testing/sim_clock.ts";
import {
  assertFiles,
  type SimHost,
  simTorrent,
  SwarmWorld,
} from "../../../testing/mod.ts";

const LIMIT_MS = 600_000;

/** Bytes that a seed sent until three leechers, who know each other, were done. */
async function seedSends(revelation: RevelationName): Promise<number> {
  const torrent = await simTorrent([["a.bin", 2_000_000]]);
  await using world = new SwarmWorld({ seed: 11 });
  const seed = await world.host({ uploadLimit: 200_000 });
  for (const [path, bytes] of torrent.content) {
    seed.files.open(path.split("/"), { write: true }).write(bytes, 0);
  }
  seed.add(torrent, { revelation });
  const hosts: SimHost[] = [];
  for (let i = 0; i < 3; i++) {
    const host = await world.host();
    host.add(torrent, { peers: [seed, ...hosts].map((h) => h.address) });
    hosts.push(host);
  }
  await world.until(
    () => hosts.every(({ torrent }) => torrent.state === "seeding"),
    LIMIT_MS,
  );
  for (const host of hosts) assertFiles(torrent, host.files);
  return seed.torrent.stats().uploadedBytes / torrent.metainfo.totalLength;
}

for (const revelation of ["honest", "lazy"] as const) {
  Deno.test(`${revelation} revelation: everybody completes`, async () => {
    assert(await seedSends(revelation) >= 1);
  });
}

Deno.test("superseeding: a seed sends each piece little more than once (BEP 16)", async () => {
  const copies = await seedSends("super-seeding");
  assert(copies >= 1 && copies < 1.5, `${copies} copies sent`);
});

/** A revealer of eight pieces; what each peer is told of, and when. */
function setUp(count: number, revelation?: () => Revelation) {
  const clock = new SimClock();
  const told: [number, number, readonly number[]][] = [];
  const peers = new Map<number, SwarmPeer>();
  for (let key = 0; key < count; key++) {
    const have = (pieces: readonly number[]) =>
      void told.push([clock.now(), key, pieces]);
    peers.set(key, { key, connection: { have } } as unknown as SwarmPeer);
  }
  const context = { clock, random: seededRandom(1), options: {} };
  const torrent = { context, options: { revelation }, peers };
  const revealer = new PieceRevealer(
    torrent as unknown as ConstructorParameters<typeof PieceRevealer>[0],
    new Bitfield(8),
    {} as ConstructorParameters<typeof PieceRevealer>[2],
  );
  return { clock, told, peers, revealer, torrent };
}

const pure = { permissions: "none" } as const;

Deno.test(
  "PieceRevealer tells all peers in rounds, longer ones with more peers",
  pure,
  async () => {
    for (
      const [count, roundMs] of [[8, 2], [400, 100], [1_600, 250]] as const
    ) {
      const { clock, told, revealer } = setUp(count);
      revealer.verified(1);
      revealer.verified(2);
      await clock.advance(0);
      revealer.verified(3);
      await clock.advance(roundMs - 1);
      assertEquals(told.length, count);
      await clock.advance(1);
      const last = told.filter(([, key]) => key === count - 1);
      assertEquals(last.map(([at, , pieces]) => [at, pieces]), [
        [0, [1, 2]],
        [roundMs, [3]],
      ]);
      revealer.verified(4);
      revealer.close();
      await clock.advance(1_000);
      assertEquals(told.length, 2 * count);
    }
  },
);

Deno.test(
  "PieceRevealer tells one peer what a way of its own says",
  pure,
  async () => {
    const { clock, told, revealer } = setUp(3, () => ({
      name: "mine",
      connected: (peer) => ({
        told: peer === 1 ? Bitfield.full(8) : undefined,
        later: [6],
      }),
      disconnected: () => [{ peer: 1, pieceIndex: 5 }],
      verified: (pieceIndex) => [{ peer: 2, pieceIndex }],
      peerHas: (peer, pieceIndex = 7) => [{ peer, pieceIndex }],
    }));
    assertEquals(revealer.name, "mine");
    assertEquals([...revealer.admit(0)], []);
    assertEquals(revealer.admit(1).isFull, true);
    for (const key of [0, 0, 2]) {
      revealer.connected({ key } as SwarmPeer);
    }
    revealer.verified(4);
    revealer.peerHas(0, 3);
    revealer.peerHas(1);
    revealer.gone(0);
    await clock.advance(1_000);
    assertEquals(told.map(([, key, pieces]) => [key, pieces]), [
      [0, [6]],
      [2, [4]],
      [0, [3]],
      [1, [7]],
      [1, [5]],
    ]);
  },
);

Deno.test(
  "PieceRevealer goes over to the honest way when another is done",
  pure,
  () => {
    let isDone = false;
    const { told, revealer } = setUp(2, () => ({
      name: "mine",
      get isDone() {
        return isDone;
      },
      connected: () => ({}),
      disconnected: () => [],
      verified: () => [],
      hidden: (peer) => [peer],
    }));
    revealer.tick(0);
    isDone = true;
    revealer.tick(1_999);
    assertEquals([revealer.name, told.length], ["mine", 0]);
    revealer.tick(2_000);
    assertEquals(revealer.name, "honest");
    assertEquals(told, [[0, 0, [0]], [0, 1, [1]]]);
  },
);

Deno.test(
  "PieceRevealer knows the ways by name, and what they need",
  pure,
  () => {
    const name = (way: RevelationName | undefined, isFull: boolean) => {
      const { torrent } = setUp(0);
      const have = isFull ? Bitfield.full(8) : new Bitfield(8);
      return new PieceRevealer(
        { ...torrent, options: { revelation: way } } as never,
        have,
        { pieces: { availability: () => 0 } } as never,
      ).name;
    };
    for (const isFull of [true, false]) {
      assertEquals(name(undefined, isFull), "honest");
      assertEquals(name("honest", isFull), "honest");
      assertEquals(name("lazy", isFull), "lazy");
    }
    assertEquals(name("super-seeding", true), "superseeding");
    assertEquals(name("super-seeding", false), "honest");
  },
);

Deno.test(
  "PieceRevealer tells what is new while anybody is there, and when",
  pure,
  async () => {
    const { clock, told, peers, revealer } = setUp(2, () => ({
      name: "mine",
      connected: () => ({}),
      disconnected: () => [],
      verified: (pieceIndex) => [{ pieceIndex }],
      tick: (now) => [{ peer: 1, pieceIndex: now }],
    }));
    revealer.admit(1);
    revealer.connected({ key: 1 } as SwarmPeer);
    assertEquals(told, []);
    revealer.tick(5);
    assertEquals(told.splice(0), [[0, 1, [5]]]);
    revealer.verified(3);
    peers.delete(0);
    revealer.gone(0);
    await clock.advance(0);
    assertEquals(told.splice(0), [[0, 1, [3]]]);
    revealer.verified(4);
    peers.delete(1);
    revealer.gone(1);
    assertEquals(clock.pending, 0);
  },
);
