import { assertEquals } from "@std/assert";
import { PastDials } from "../../../handshake/dial/dial_plan.ts";
import type { ByteTransport } from "../../../_shared/byte_conn.ts";

const none = { permissions: "none" } as const;
const refuse = () => Promise.reject(new Error("not in this test"));
const utp: ByteTransport = { name: "utp", connect: refuse, listen: refuse };

Deno.test("PastDials remembers what worked and what did not", none, () => {
  const past = new PastDials();
  assertEquals(past.of("a"), undefined);
  past.failed("a", "tcp");
  past.failed("a", "utp");
  past.guess("a", false);
  assertEquals(past.of("a"), {
    worked: undefined,
    failed: new Set(["tcp", "utp"]),
    encrypted: false,
  });
  past.worked("a", { transport: utp, encrypted: true });
  const worked = { worked: "utp", failed: new Set(["tcp"]), encrypted: true };
  assertEquals(past.of("a"), worked);
  past.failed("a", "tcp");
  assertEquals(past.of("a"), worked);
  past.failed("a", "utp");
  assertEquals(past.of("a")?.worked, undefined);
});

Deno.test("PastDials forgets the longest unused", none, () => {
  const past = new PastDials();
  for (let n = 0; n < 4096; n++) past.guess(`${n}`, true);
  past.failed("0", "tcp");
  past.guess("one more", true);
  assertEquals([past.of("0")?.encrypted, past.of("1")], [true, undefined]);
  assertEquals(past.of("2")?.encrypted, true);
});
