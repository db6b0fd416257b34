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
  const swarm = { context, peers, maxPeers: 10, connectMore() {} };
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
