import { assertEquals, assertThrows } from "@std/assert";
import { formatEndpoint } from "../../_shared/address.ts";
import { toHex, tryFromHex } from "../../_shared/bytes.ts";
import { PeerProtocolError } from "../../peer/mod.ts";
import {
  decodeUtHolepunch,
  encodeUtHolepunch,
} from "../../peer/ut_holepunch.ts";
import { vectorTest } from "./vectors.ts";

const none = { permissions: "none" } as const;

vectorTest("ut_holepunch", (vector) => {
  const bytes = tryFromHex(vector.hex)!;
  if (vector.expected === "reject") {
    assertThrows(() => decodeUtHolepunch(bytes), PeerProtocolError);
    return;
  }
  const message = decodeUtHolepunch(bytes);
  assertEquals(formatEndpoint(message.endpoint), vector.endpoint);
  assertEquals(message.errorCode, vector.err_code);
  assertEquals(
    message.type,
    ["rendezvous", "connect", "error"][vector.msg_type as number],
  );
  assertEquals(toHex(encodeUtHolepunch(message)), vector.hex);
});

Deno.test("holepunch lengths", none, () => {
  const bytes = encodeUtHolepunch({
    type: "error",
    endpoint: { hostname: "1.2.3.4", port: 5 },
    errorCode: 2,
  });
  for (let end = 0; end < bytes.length; end++) {
    assertThrows(
      () => decodeUtHolepunch(bytes.subarray(0, end)),
      PeerProtocolError,
    );
  }
  const connect = encodeUtHolepunch({
    type: "connect",
    endpoint: { hostname: "1.2.3.4", port: 5 },
    errorCode: 0,
  });
  // Without the error code, as some send it.
  assertEquals(decodeUtHolepunch(connect.subarray(0, 8)).errorCode, 0);
  assertThrows(
    () =>
      encodeUtHolepunch({
        type: "connect",
        endpoint: { hostname: "a.example", port: 5 },
        errorCode: 0,
      }),
    TypeError,
  );
});
