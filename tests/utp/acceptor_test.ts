import { assert, assertEquals } from "@std/assert";
import { seededRandom } from "../../_shared/random.ts";
import { UtpAcceptor } from "../../utp/acceptor.ts";
import {
  encodeUtpPacket,
  tryDecodeUtpPacket,
  type UtpHeader,
} from "../../utp/packet.ts";

const none = { permissions: "none" } as const;
const FROM = { hostname: "198.51.100.1", port: 6881 };

const packet = (fields: Partial<UtpHeader>) =>
  tryDecodeUtpPacket(encodeUtpPacket({
    type: "data",
    connectionId: 0,
    timestamp: 5_000_000,
    timestampDifference: 0,
    windowSize: 65_536,
    seqNr: 0,
    ackNr: 0,
    ...fields,
  }))!;

/** Answers a SYN of id 7 and number 65533, so that all wraps. */
function answer(acceptor: UtpAcceptor, now: number, from = FROM) {
  const out = new Uint8Array(20);
  const syn = packet({ type: "syn", connectionId: 7, seqNr: 65_533 });
  assertEquals(acceptor.answer(syn, from, out, now), 20);
  return tryDecodeUtpPacket(out)!;
}

/** The packet that follows the SYN as the n-th. */
const follow = (seqNr: number, n: number) =>
  packet({
    connectionId: 8,
    seqNr: (65_533 + n) & 0xffff,
    ackNr: (seqNr - 1) & 0xffff,
  });

Deno.test("a SYN is acked, with the times of both clocks", none, () => {
  const acceptor = new UtpAcceptor(seededRandom(1), 0);
  const { type, connectionId, ackNr, timestamp, timestampDifference } = answer(
    acceptor,
    7000,
  );
  assertEquals([type, connectionId, ackNr], ["state", 7, 65_533]);
  assertEquals([timestamp, timestampDifference], [7_000_000, 2_000_000]);
});

Deno.test(
  "what follows an answer is known, whichever comes first",
  none,
  () => {
    for (const from of [FROM, { hostname: "2001:db8::1", port: 1 }]) {
      for (let n = 0; n <= 18; n++) {
        const acceptor = new UtpAcceptor(seededRandom(n), 0);
        const { seqNr } = answer(acceptor, 0, from);
        const accepted = acceptor.accept(follow(seqNr, n), from, 1);
        assertEquals(
          accepted,
          n >= 1 && n <= 16
            ? { connectionId: 7, seqNr, synSeqNr: 65_533 }
            : undefined,
        );
      }
    }
  },
);

Deno.test(
  "an answer is good for one connection, and 10 to 20 seconds",
  none,
  () => {
    const acceptor = new UtpAcceptor(seededRandom(1), 0);
    const { seqNr } = answer(acceptor, 9_999);
    assertEquals(answer(acceptor, 0).seqNr, seqNr);
    assert(acceptor.accept(follow(seqNr, 1), FROM, 19_999));
    assertEquals(acceptor.accept(follow(seqNr, 2), FROM, 19_999), undefined);
    const late = new UtpAcceptor(seededRandom(1), 0);
    assertEquals(answer(late, 9_999).seqNr, seqNr);
    assertEquals(late.accept(follow(seqNr, 1), FROM, 20_000), undefined);
  },
);

Deno.test("an answer is good for one address and id", none, () => {
  let taken = 0;
  const acceptor = new UtpAcceptor(seededRandom(1), 0);
  const { seqNr } = answer(acceptor, 0);
  const others = Array.from({ length: 1000 }, (_, i) =>
    [
      [{ hostname: `203.0.113.${i & 255}`, port: i }, 8],
      [{ ...FROM, port: i }, 8],
      [FROM, 9 + i],
    ] as const).flat();
  for (const [from, connectionId] of others) {
    const stranger = { ...follow(seqNr, 1), connectionId };
    if (acceptor.accept(stranger, from, 0) !== undefined) taken++;
  }
  // A guess is right once in 2048.
  assert(taken < 10, `${taken}`);
});
