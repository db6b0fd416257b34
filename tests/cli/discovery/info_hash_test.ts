import { assertEquals, assertThrows } from "@std/assert";
import { readInfoHash } from "../../../cli/discovery/info_hash.ts";
import { UsageError } from "../../../cli/error.ts";
import { MagnetError } from "../../../metainfo/magnet.ts";

Deno.test("readInfoHash() takes hex, base32 and links", {
  permissions: "none",
}, () => {
  const hash = new Uint8Array(20).fill(0xab);
  for (
    const text of [
      "ab".repeat(20),
      "AB".repeat(20),
      "ab".repeat(32),
      `1220${"ab".repeat(32)}`,
      "vov2xk5lvov2xk5lvov2xk5lvov2xk5l",
      `urn:btih:${"ab".repeat(20)}`,
      ` magnet:?xt=urn:btih:${"ab".repeat(20)}&amp;dn=x\n`,
    ]
  ) assertEquals(readInfoHash(text), hash, text);
  const error = assertThrows(() => readInfoHash("a", "hint"), UsageError);
  assertEquals(error.hint, "hint");
  const file = assertThrows(() => readInfoHash("a.torrent"), UsageError);
  assertEquals(file.hint?.startsWith("bip magnet"), true);
  assertThrows(() => readInfoHash("magnet:?dn=x"), MagnetError);
});
