import { assertEquals, assertThrows } from "@std/assert";
import { formatEndpoint } from "../../_shared/address.ts";
import { toHex, tryFromHex } from "../../_shared/bytes.ts";
import { PeerProtocolError } from "../../peer/mod.ts";
import {
  decodeUtHolepunch,
  encodeUtHolepunch,
} from "../../peer/ut_holepunch.ts";
import { vectorTest } from "../support/protocol_vectors.ts";

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

Deno.test("holepunch messages of both families there and back", none, () => {
  for (
    const [hex, type, hostname, port, errorCode] of [
      ["0100" + "01020304" + "1ae1" + "00000000", "connect", "1.2.3.4", 6881],
      ["0000" + "7f000001" + "0005" + "00000000", "rendezvous", "127.0.0.1", 5],
      [
        "0201" + "20010db8000000000000000000000001" + "ffff" + "01020304",
        "error",
        "2001:db8::1",
        65535,
        0x01020304,
      ],
      ["0200" + "01020304" + "0050" + "00000004", "error", "1.2.3.4", 80, 4],
    ] as const
  ) {
    const message = decodeUtHolepunch(tryFromHex(hex)!);
    const endpoint = { hostname, port };
    assertEquals(message, { type, endpoint, errorCode: errorCode ?? 0 });
    assertEquals(toHex(encodeUtHolepunch(message)), hex);
  }
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
