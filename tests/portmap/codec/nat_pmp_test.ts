import { assertEquals } from "@std/assert";
import { toHex } from "../../../_shared/bytes.ts";
import {
  encodeNatPmpAddressRequest,
  encodeNatPmpMapRequest,
  tryDecodeNatPmpResponse,
} from "../../../portmap/codec/nat_pmp.ts";

const none = { permissions: "none" } as const;
const hex = (text: string) => Uint8Array.fromHex(text);

Deno.test("NAT-PMP - requests (RFC 6886, 3.2 and 3.3)", none, () => {
  assertEquals(toHex(encodeNatPmpAddressRequest()), "0000");
  const map = { port: 6881, externalPort: 7000, lifetimeSeconds: 3600 };
  assertEquals(
    toHex(encodeNatPmpMapRequest({ ...map, protocol: "udp" })),
    "000100001ae11b5800000e10",
  );
  assertEquals(encodeNatPmpMapRequest({ ...map, protocol: "tcp" })[1], 2);
});

Deno.test("NAT-PMP - answers are read, junk is none", none, () => {
  const address = hex("00800000000001000b000001");
  assertEquals(tryDecodeNatPmpResponse(address), {
    type: "address",
    result: 0,
    epochSeconds: 256,
    externalAddress: "11.0.0.1",
  });
  const map = hex("00820000000001001ae11b5800000078");
  const mapped = {
    type: "map",
    result: 0,
    epochSeconds: 256,
    protocol: "tcp",
    port: 6881,
    externalPort: 7000,
    lifetimeSeconds: 120,
  } as const;
  assertEquals(tryDecodeNatPmpResponse(map), mapped);
  map[1] = 0x81;
  map[3] = 4;
  assertEquals(tryDecodeNatPmpResponse(map), {
    ...mapped,
    protocol: "udp",
    result: 4,
  });
  assertEquals(
    tryDecodeNatPmpResponse(hex("0080000300000100"))?.result,
    3,
  );
  for (const good of [address, map]) {
    for (let length = 0; length < good.length; length++) {
      assertEquals(tryDecodeNatPmpResponse(good.slice(0, length)), undefined);
    }
  }
  for (
    const junk of [
      "01800000000001000b000001",
      "00830000000001001ae11b5800000078",
      "00020000000001001ae11b5800000078",
      "00820000000001001ae11b580000007800",
    ]
  ) {
    assertEquals(tryDecodeNatPmpResponse(hex(junk)), undefined, junk);
  }
});
