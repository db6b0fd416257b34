import { assertEquals, assertThrows } from "@std/assert";
import { tryParseIp } from "../../../_shared/address.ts";
import { tryFromHex } from "../../../_shared/bytes.ts";
import { generateAllowedFastSet } from "../../../peer/session/session_upload.ts";
import { vectorTest } from "../../support/protocol_vectors.ts";

vectorTest("bep6-allowed-fast", (vector) => {
  assertEquals(
    generateAllowedFastSet(
      tryFromHex(vector.hex)!,
      tryParseIp(vector.ip as string)!,
      vector.num_pieces as number,
      vector.k as number,
    ),
    vector.set as number[],
  );
});

Deno.test("small torrents and IPv6", { permissions: "none" }, () => {
  const hash = new Uint8Array(20);
  assertEquals(generateAllowedFastSet(hash, new Uint8Array(4), 0, 5), []);
  assertEquals(generateAllowedFastSet(hash, new Uint8Array(4), 1, 5), [0]);
  assertThrows(
    () => generateAllowedFastSet(hash, new Uint8Array(16), 10, 5),
    RangeError,
  );
});
