import { assertEquals, assertInstanceOf } from "@std/assert";
import { KRPC_ERROR, KrpcError } from "../../dht/error.ts";

Deno.test("each number has its own name", { permissions: "none" }, () => {
  const codes = Object.values(KRPC_ERROR).map((n) => new KrpcError(n, "").code);
  assertEquals(new Set(codes).size, 9);
  assertEquals(codes.includes("unknown"), false);
  assertEquals(new KrpcError(203, "").code, "protocol");
  assertEquals(new KrpcError(302, "").code, "seq-too-low");
});

Deno.test(
  "remote text is cut and made printable",
  { permissions: "none" },
  () => {
    const error = new KrpcError(999, "a\u001b[31m\n" + "b".repeat(1000));
    assertInstanceOf(error, Error);
    assertEquals([error.name, error.code, error.number], [
      "KrpcError",
      "unknown",
      999,
    ]);
    assertEquals(error.remoteMessage.length, 256);
    assertEquals(error.remoteMessage.slice(0, 8), "a [31m b");
  },
);
