import { assertEquals, assertThrows } from "@std/assert";
import { toHex } from "../../../_shared/bytes.ts";
import {
  encodePcpMapRequest,
  tryDecodePcpResponse,
} from "../../../portmap/codec/pcp.ts";

const none = { permissions: "none" } as const;
const request = {
  protocol: "tcp",
  port: 6881,
  clientAddress: "192.168.1.2",
  nonce: new Uint8Array(12).fill(0xab),
  lifetimeSeconds: 3600,
  externalPort: 7000,
} as const;

function answer(): Uint8Array {
  const bytes = encodePcpMapRequest(request);
  bytes.set([2, 0x81, 0, 0, 0, 0, 0, 120, 0, 0, 1, 0]);
  bytes.set([11, 0, 0, 1], 56);
  return bytes;
}

Deno.test("PCP - a MAP request is 60 bytes (RFC 6887, 11.1)", none, () => {
  assertEquals(
    toHex(encodePcpMapRequest(request)),
    "0201000000000e10" + "00000000000000000000ffffc0a80102" +
      "ab".repeat(12) + "06000000" + "1ae11b58" +
      "00000000000000000000ffff00000000",
  );
  const v6 = encodePcpMapRequest({
    ...request,
    protocol: "udp",
    clientAddress: "fd00::2",
  });
  assertEquals(v6[36], 17);
  assertEquals(v6.subarray(44), new Uint8Array(16));
  assertThrows(
    () => encodePcpMapRequest({ ...request, clientAddress: "host" }),
    RangeError,
    "no IP address",
  );
});

Deno.test("PCP - answers are read", none, () => {
  assertEquals(tryDecodePcpResponse(answer()), {
    type: "map",
    result: 0,
    lifetimeSeconds: 120,
    epochSeconds: 256,
    nonce: request.nonce,
    protocol: 6,
    port: 6881,
    externalPort: 7000,
    externalAddress: "11.0.0.1",
  });
  const announce = answer().slice(0, 24);
  announce[1] = 0x80;
  assertEquals(tryDecodePcpResponse(announce), {
    type: "announce",
    epochSeconds: 256,
  });
  // NAT-PMP, and PCP of another version.
  for (const head of [[0, 0x81, 0, 1, 0, 0, 0, 9], [2, 0x81, 0, 1]]) {
    const bytes = new Uint8Array(head[0] === 2 ? 24 : 8);
    bytes.set(head);
    assertEquals(tryDecodePcpResponse(bytes), { type: "unsupported-version" });
  }
});

Deno.test("PCP - junk is none", none, () => {
  const good = answer();
  for (let length = 0; length < good.length; length++) {
    assertEquals(tryDecodePcpResponse(good.slice(0, length)), undefined);
  }
  const long = new Uint8Array(1104);
  long.set(good);
  assertEquals(tryDecodePcpResponse(long), undefined);
  assertEquals(tryDecodePcpResponse(long.slice(0, 1100))?.type, "map");
  for (const [at, value] of [[0, 3], [0, 0], [1, 1], [1, 0x82]]) {
    const bytes = answer();
    bytes[at!] = value!;
    assertEquals(tryDecodePcpResponse(bytes), undefined, `${at}`);
  }
});
