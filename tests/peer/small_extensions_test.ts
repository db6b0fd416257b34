import { assertEquals, assertThrows } from "@std/assert";
import { PeerProtocolError } from "../../peer/mod.ts";
import {
  decodeDontHave,
  decodeUploadOnly,
  encodeDontHave,
  encodeUploadOnly,
} from "../../peer/small_extensions.ts";

const none = { permissions: "none" } as const;

Deno.test("lt_donthave and upload_only round-trip", none, () => {
  for (const pieceIndex of [0, 1, 0x80000000, 0xffffffff]) {
    assertEquals(decodeDontHave(encodeDontHave(pieceIndex)), pieceIndex);
  }
  for (const length of [0, 1, 2, 3, 5]) {
    assertThrows(
      () => decodeDontHave(new Uint8Array(length)),
      PeerProtocolError,
    );
  }
  assertEquals(decodeUploadOnly(encodeUploadOnly(true)), true);
  assertEquals(decodeUploadOnly(encodeUploadOnly(false)), false);
  assertThrows(() => decodeUploadOnly(new Uint8Array(0)), PeerProtocolError);
});
