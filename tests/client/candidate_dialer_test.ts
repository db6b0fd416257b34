import { assertEquals } from "@std/assert";
import type { PeerCandidate } from "../../_shared/address.ts";
import { CandidateDialer } from "../../client/candidate_dialer.ts";
import {
  HandshakeError,
  type HandshakeErrorCode,
} from "../../handshake/mod.ts";
import { SimClock } from "../support/sim_clock.ts";

const infoHash = new Uint8Array(20).fill(1);

function setUp(room = () => 100) {
  const clock = new SimClock();
  const dialled: PeerCandidate[] = [];
  const dialer = new CandidateDialer({
    infoHash,
    clock,
    randomInt: () => 0,
    room,
    connect: (candidate) => dialled.push(candidate),
  });
  const fail = (
    candidate: PeerCandidate,
    reason: HandshakeErrorCode,
    connected = false,
  ) =>
    dialer.failed({
      type: "failed",
      reason,
      fault: "remote",
      error: new HandshakeError(reason, "x"),
      address: candidate.address,
      direction: "outbound",
      candidate,
    }, () => connected);
  return { clock, dialled, dialer, fail };
}

const candidates = (count: number): PeerCandidate[] =>
  Array.from({ length: count }, (_, i) => ({
    infoHash,
    address: { hostname: `10.${i >> 8}.${i & 255}.1`, port: 6881 },
    source: "tracker",
  }));

Deno.test("CandidateDialer dials while it is active and there is room", {
  permissions: "none",
}, () => {
  let room = 5;
  const { dialer, dialled } = setUp(() => room);
  assertEquals(dialer.add(candidates(200)), 200);
  assertEquals(dialer.add(candidates(200)), 0);
  assertEquals(dialled.length, 0);
  dialer.active = true;
  dialer.connectMore();
  assertEquals(dialled.length, 5);
  room = 100;
  dialer.connectMore();
  // Never more than 30 at once.
  assertEquals(dialled.length, 30);
  assertEquals(dialer.connecting, 30);
  dialer.ended();
  dialer.connectMore();
  assertEquals(dialled.length, 31);
});

Deno.test("CandidateDialer tries again later what failed, and never itself", {
  permissions: "none",
}, async () => {
  const { clock, dialer, dialled, fail } = setUp();
  dialer.active = true;
  dialer.add(candidates(3));
  assertEquals(dialled.length, 3);
  fail(dialled[0]!, "self");
  fail(dialled[1]!, "connect-failed");
  fail(dialled[2]!, "duplicate-peer-id", true);
  assertEquals(dialer.connecting, 0);
  assertEquals(dialer.list.size, 2);
  for (let i = 0; i < 600; i++) {
    await clock.advance(1000);
    dialer.connectMore();
    for (const candidate of dialled.splice(3)) {
      assertEquals(candidate.address, dialled[1]!.address);
      fail(candidate, "connect-failed");
    }
  }
  // The third is connected under another address: let alone.
  assertEquals(dialer.connecting, 0);
});
