import { assertEquals } from "@std/assert";
import {
  clientName,
  lookAt,
  type SwarmPeer,
} from "../../../client/peers/swarm_peer.ts";

const pure = { permissions: "none" } as const;

/** A peer of which only what it has done matters. */
function fakePeer() {
  const stats = { downloaded: 0, uploaded: 0 };
  const connection = {
    stats: () => stats,
    outstanding: 0,
    queuedRequests: 0,
    state: { amChoking: true },
  };
  const peer = {
    connection,
    seenDownloaded: 0,
    seenUploaded: 0,
  } as unknown as SwarmPeer;
  const times = (now: number) => {
    const sent = lookAt(peer, now);
    return [sent, peer.usedAt, peer.askedAt, peer.unusedAt];
  };
  return { stats, connection, times };
}

Deno.test("lookAt() notes since when a peer owes blocks", pure, () => {
  const { stats, connection, times } = fakePeer();
  assertEquals(times(1), [false, undefined, undefined, undefined]);
  connection.outstanding = 2;
  assertEquals(times(2), [false, undefined, 2, undefined]);
  assertEquals(times(3), [false, undefined, 2, undefined]);
  stats.downloaded = 5;
  assertEquals(times(4), [true, 4, undefined, undefined]);
  assertEquals(times(5), [false, 4, 5, undefined]);
  connection.outstanding = 0;
  assertEquals(times(6), [false, 4, undefined, undefined]);
});

Deno.test("lookAt() notes since when a peer asks for nothing", pure, () => {
  const { stats, connection, times } = fakePeer();
  connection.state.amChoking = false;
  assertEquals(times(1), [false, undefined, undefined, 1]);
  assertEquals(times(2), [false, undefined, undefined, 1]);
  connection.queuedRequests = 1;
  assertEquals(times(3), [false, undefined, undefined, undefined]);
  connection.queuedRequests = 0;
  assertEquals(times(4), [false, undefined, undefined, 4]);
  stats.uploaded = 9;
  assertEquals(times(5), [false, 5, undefined, undefined]);
  assertEquals(times(6), [false, 5, undefined, 6]);
  connection.state.amChoking = true;
  assertEquals(times(7), [false, 5, undefined, undefined]);
});

Deno.test("clientName() says what a peer id says", pure, () => {
  const id = (text: string) => new TextEncoder().encode(text);
  assertEquals(clientName(id("-TR3000-abcdefghijkl")), "Transmission 3.00");
  assertEquals(clientName(id("????????????????????")).length > 0, true);
});
