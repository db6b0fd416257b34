import { assertEquals } from "@std/assert";
import { RequestLedger } from "../../../peer/session/request_ledger.ts";

const none = { permissions: "none" } as const;
const block = (pieceIndex: number) => ({
  pieceIndex,
  blockOffset: 16_384,
  length: 16_384,
});

Deno.test(
  "RequestLedger: every block that was given up may come late",
  none,
  () => {
    const ledger = new RequestLedger();
    const arrive = (one: RequestLedger, pieceIndex: number, length = 16_384) =>
      one.arrive(pieceIndex, 16_384, length);
    for (const i of [1, 2, 3]) assertEquals(ledger.add(block(i), i), true);
    assertEquals(ledger.add(block(3), 4), false);
    assertEquals(ledger.oldestSentAt, 1);
    assertEquals(ledger.cancel({ ...block(1), length: 1 }), false);
    assertEquals([1, 2, 2].map((i) => ledger.cancel(block(i))), [
      true,
      true,
      false,
    ]);
    assertEquals(ledger.size, 1);
    // Not of another peer, not of another length, and once.
    assertEquals(arrive(new RequestLedger(), 1), "unrequested");
    assertEquals(arrive(ledger, 1, 1), "unrequested");
    assertEquals(arrive(ledger, 1), "late");
    assertEquals(arrive(ledger, 1), "unrequested");
    assertEquals(arrive(ledger, 2), "late");
    assertEquals(arrive(ledger, 3), "requested");
    assertEquals(ledger.oldestSentAt, undefined);
  },
);
