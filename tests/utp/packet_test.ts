import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  classifyDatagram,
  encodeUtpPacket,
  tryDecodeUtpPacket,
  type UtpHeader,
  writeUtpPadding,
} from "../../utp/packet.ts";

const HEADER: UtpHeader = {
  type: "data",
  connectionId: 0x1234,
  timestamp: 0xfffffffe,
  timestampDifference: 7,
  windowSize: 0x80000000,
  seqNr: 0xffff,
  ackNr: 1,
};

Deno.test({
  name: "a packet comes back as it was, with every prefix refused",
  permissions: "none",
  fn() {
    const sack = Uint8Array.of(1, 2, 3, 4, 5);
    const data = encodeUtpPacket(HEADER, Uint8Array.of(9, 8), sack);
    const packet = tryDecodeUtpPacket(data)!;
    for (const key of Object.keys(HEADER) as (keyof UtpHeader)[]) {
      assertEquals(packet[key], HEADER[key], key);
    }
    assertEquals(data.subarray(packet.payloadOffset), Uint8Array.of(9, 8));
    assertEquals(
      data.subarray(packet.sackOffset, packet.sackOffset + packet.sackLength),
      sack,
    );
    for (let n = 0; n < 27; n++) {
      assertEquals(tryDecodeUtpPacket(data.subarray(0, n)), undefined);
    }
    assertThrows(
      () => encodeUtpPacket(HEADER, undefined, new Uint8Array(256)),
      RangeError,
    );
  },
});

Deno.test({
  name: "padding of any length is skipped",
  permissions: "none",
  fn() {
    for (const length of [0, 12, 13, 266, 267, 268, 269, 524, 525, 900]) {
      const data = new Uint8Array(20 + length + 1);
      data.set(encodeUtpPacket(HEADER));
      assertEquals(writeUtpPadding(data, length), 20 + length);
      assertEquals(tryDecodeUtpPacket(data)?.payloadOffset, 20 + length);
      // libutp takes others for no packets at all.
      assert(data[1]! < 3);
    }
  },
});

Deno.test({
  name: "datagrams are told apart by their first bytes",
  permissions: "none",
  fn() {
    const data = encodeUtpPacket(HEADER);
    assertEquals(classifyDatagram(data), "utp");
    assertEquals(classifyDatagram(data.subarray(0, 19)), "other");
    assertEquals(classifyDatagram(new TextEncoder().encode("d1:ad")), "krpc");
    assertEquals(classifyDatagram(new Uint8Array(20)), "other");
    data[0] = 0x51;
    assertEquals(classifyDatagram(data), "other");
    assertEquals(tryDecodeUtpPacket(data), undefined);
  },
});
