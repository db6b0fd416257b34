import { assertEquals } from "@std/assert";
import { PeerPlaces } from "../../../client/limits/peer_places.ts";
import type { SwarmPeer } from "../../../client/peers/swarm_peer.ts";
import { PeerRoom } from "../../../client/swarm/peer_room.ts";
import type { Swarm } from "../../../client/swarm/swarm.ts";
import { SimClock } from "../../../testing/mod.ts";

/** The places of a torrent with ten, and peers that come and go. */
function setUp(sessionPlaces: number) {
  const peers = new Map<number, SwarmPeer>();
  const places = new PeerPlaces(sessionPlaces);
  const context = { clock: new SimClock(), places };
  const swarm = { context, peers, maxPeers: 10, dialer: { connectMore() {} } };
  const room = new PeerRoom(swarm as unknown as Swarm);
  let key = 0;
  const enter = (direction: "inbound" | "outbound", count: number) => {
    for (let i = 0; i < count; i++) {
      const peer = { key: key++, direction } as SwarmPeer;
      peers.set(peer.key, peer);
      room.entered(peer);
    }
  };
  const leave = (direction: "inbound" | "outbound") => {
    const peer = [...peers.values()].find((one) =>
      one.direction === direction
    )!;
    peers.delete(peer.key);
    room.left(peer);
  };
  return { room, enter, leave };
}

Deno.test("PeerRoom keeps a fifth of the places for peers that we dial", {
  permissions: "none",
}, () => {
  const { room, enter, leave } = setUp(100);
  assertEquals([room.roomFor(0), room.roomFor(3)], [10, 7]);
  enter("inbound", 10);
  assertEquals(room.roomFor(0), 2);
  leave("inbound");
  assertEquals(room.roomFor(0), 2);
  leave("inbound");
  leave("inbound");
  assertEquals(room.roomFor(0), 3);
  enter("outbound", 2);
  assertEquals([room.roomFor(0), room.roomFor(1)], [1, 0]);
  leave("outbound");
  assertEquals(room.roomFor(0), 2);
});

Deno.test(
  "PeerRoom gives a torrent without peers one place in a full session",
  {
    permissions: "none",
  },
  () => {
    const { room, enter, leave } = setUp(0);
    assertEquals([room.roomFor(0), room.roomFor(1) > 0], [1, false]);
    enter("outbound", 1);
    assertEquals(room.roomFor(0), 0);
    leave("outbound");
    assertEquals(room.roomFor(0), 1);
  },
);

/** A room of peers of which it matters what they do. */
function setUpLooks() {
  const clock = new SimClock();
  const peers = new Map<number, SwarmPeer>();
  const log: string[] = [];
  const list = {
    judge: ({ port }: { port: number }, useful: boolean) =>
      void log.push(`judge ${port} ${useful}`),
    claim: ({ port }: { port: number }, change: number) =>
      void log.push(`claim ${port} ${change}`),
    sourceOf: ({ port }: { port: number }) =>
      port === 3 ? "incoming" : "tracker",
  };
  const swarm = {
    context: { clock, places: new PeerPlaces(50) },
    peers,
    list,
    maxPeers: 2,
    isComplete: false,
    dialer: { connectMore() {} },
  };
  const room = new PeerRoom(swarm as unknown as Swarm);
  const enter = (port: number, isClaim = false) => {
    const stats = { downloaded: 0, uploaded: 0 };
    const connection = {
      stats: () => stats,
      outstanding: 0,
      queuedRequests: 0,
      state: { amChoking: true },
      close: () => void log.push(`close ${port}`),
    };
    const peer = {
      key: port,
      direction: "outbound",
      since: clock.now(),
      seenDownloaded: 0,
      seenUploaded: 0,
      isNamed: false,
      isClaim,
      listening: port === 0 ? undefined : { hostname: "192.0.2.1", port },
      site: `${port}`,
      connection,
    } as unknown as SwarmPeer;
    peers.set(port, peer);
    room.entered(peer);
    return { peer, stats };
  };
  const pass = async (ms: number) => {
    await clock.advance(ms);
    room.tick(clock.now());
  };
  return { room, swarm, enter, pass, log, told: () => log.splice(0) };
}

Deno.test(
  "PeerRoom judges who is of use, once, and takes claims back that are not",
  {
    permissions: "none",
  },
  async () => {
    const { enter, pass, told } = setUpLooks();
    const used = enter(1);
    enter(0);
    const claims = [2, 3, 4].map((port) => enter(port, true));
    await pass(0);
    used.stats.uploaded = 5;
    await pass(1_999);
    assertEquals(told(), []);
    await pass(1);
    assertEquals(told(), ["judge 1 true"]);
    used.stats.uploaded = 9;
    claims[2]!.stats.downloaded = 1;
    await pass(2_000);
    assertEquals(told(), ["judge 4 true"]);
    await pass(10_999);
    assertEquals(told(), []);
    await pass(2_000);
    // Nobody else says that somebody listens at the second.
    assertEquals(told(), ["claim 2 -1"]);
    assertEquals(claims.map(({ peer }) => peer.isClaim), [false, true, true]);
    assertEquals(claims[0]!.peer.listening, undefined);
  },
);

Deno.test("PeerRoom has less patience while nobody sends anything", {
  permissions: "none",
}, async () => {
  const { room, swarm, enter, pass } = setUpLooks();
  const [one] = [enter(1), enter(2)];
  const newcomer = { direction: "inbound", isNamed: false, site: "x" } as const;
  await pass(16_000);
  // Both are idle for 15 s, and nobody sends: one may go for another.
  assertEquals(room.roomFor(0), 2);
  assertEquals(room.admits(newcomer), true);
  one.stats.downloaded = 1;
  await pass(2_000);
  assertEquals([room.roomFor(0), room.admits(newcomer)], [0, false]);
  await pass(60_000);
  assertEquals(room.roomFor(0), 2);
  // All is there: seeds need no room.
  swarm.isComplete = true;
  await pass(2_000);
  assertEquals(room.roomFor(0), 0);
});

Deno.test("PeerRoom makes room in a full session, its own or another's", {
  permissions: "none",
}, async () => {
  const newcomer = { direction: "inbound", isNamed: false, site: "x" } as const;
  const { room, swarm, enter, pass, told } = setUpLooks();
  assertEquals(room.admits(newcomer), true);
  let asked = 0;
  swarm.context.places.makeRoom = () => (asked++, false);
  Object.defineProperty(swarm.context.places, "full", { value: true });
  assertEquals([room.admits(newcomer), asked], [false, 1]);
  enter(1);
  // One attempt is under way, and one peer is there: it has its place.
  assertEquals(room.roomFor(1), -1);
  await pass(16_000);
  told();
  assertEquals([room.admits(newcomer), asked, told()], [true, 1, ["close 1"]]);
});

Deno.test(
  "PeerRoom doubts a claim after fifteen seconds, and starves after ten",
  {
    permissions: "none",
  },
  async () => {
    for (
      const [ms, lines] of [[14_999, []], [15_000, ["claim 2 -1"]]] as const
    ) {
      const { enter, pass, told } = setUpLooks();
      await pass(1_000_000);
      enter(2, true);
      await pass(ms);
      assertEquals(told(), [...lines]);
    }
    const newcomer = {
      direction: "inbound",
      isNamed: false,
      site: "x",
    } as const;
    const { room, swarm, enter, pass } = setUpLooks();
    const fed = enter(1);
    enter(3);
    await pass(20_000);
    fed.stats.downloaded = 1;
    await pass(2_000);
    await swarm.context.clock.advance(9_999);
    assertEquals(room.admits(newcomer), false);
    await swarm.context.clock.advance(1);
    assertEquals(room.admits(newcomer), true);
  },
);
