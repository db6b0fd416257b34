import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  fromByteString,
  toByteString,
  toHex,
  tryFromHex,
} from "../../_shared/bytes.ts";
import { randomBytes, randomInt, seededRandom } from "../../_shared/random.ts";
import {
  decodeHandshake,
  encodeHandshake,
  ExtensionBits,
  HandshakeDecoder,
  HandshakeError,
  type HandshakeMessage,
} from "../../handshake/mod.ts";
import {
  HANDSHAKE_LENGTH,
  MAX_HANDSHAKE_LENGTH,
} from "../../handshake/message.ts";
import { vectorTest } from "../support/protocol_vectors.ts";

const none = { permissions: "none" } as const;
const infoHash = new Uint8Array(20).fill(1);
const peerId = new Uint8Array(20).fill(2);

vectorTest("handshake", (vector) => {
  const bytes = tryFromHex(vector.hex)!;
  if (vector.expected !== undefined) {
    const error = assertThrows(
      () => decodeHandshake(bytes),
      HandshakeError,
    );
    const code = vector.expected === "incomplete"
      ? "incomplete"
      : "protocol-mismatch";
    assertEquals(error.code, code, vector.name);
    return;
  }
  const { message, length } = decodeHandshake(bytes);
  assertEquals(length, HANDSHAKE_LENGTH);
  assertEquals(toHex(message.infoHash), vector.info_hash);
  if (vector.peer_id) assertEquals(toHex(message.peerId), vector.peer_id);
  if (vector.reserved) {
    assertEquals(`${message.extensions}`, vector.reserved);
  }
  if (vector.flags) {
    const { extensions } = message;
    assertEquals({
      extension_protocol: extensions.has("extension-protocol"),
      dht: extensions.has("dht"),
      fast: extensions.has("fast"),
      v2_upgrade: extensions.has("v2-upgrade"),
    }, vector.flags as never);
  }
  assertEquals(toHex(encodeHandshake(message)), vector.hex);
});

Deno.test("a handshake has the layout of BEP 3", none, () => {
  const extensions = ExtensionBits.of("extension-protocol", "dht");
  assertEquals(
    toHex(encodeHandshake({ infoHash, peerId, extensions })),
    "13" + toHex(fromByteString("BitTorrent protocol")) + "0000000000100001" +
      "01".repeat(20) + "02".repeat(20),
  );
});

Deno.test("generated handshakes survive a round trip in pieces", none, () => {
  const seed = 5;
  const random = seededRandom(seed);
  for (let i = 0; i < 500; i++) {
    const protocol = toByteString(randomBytes(random, randomInt(random, 256)));
    const message: HandshakeMessage = {
      protocol,
      extensions: new ExtensionBits(randomBytes(random, 8)),
      infoHash: randomBytes(random, 20),
      peerId: randomBytes(random, 20),
    };
    const bytes = encodeHandshake(message);
    const decoder = new HandshakeDecoder({ protocols: "any" });
    let offset = 0;
    while (decoder.needed > 0) {
      const size = 1 + randomInt(random, decoder.needed);
      assertEquals(decoder.push(bytes.subarray(offset, offset + size)), size);
      offset += size;
    }
    const where = `seed ${seed}, case ${i}`;
    assertEquals(offset, bytes.length, where);
    assert(bytes.length <= MAX_HANDSHAKE_LENGTH);
    assertSame(decoder.message!, message, where);
    assertSame(
      decodeHandshake(bytes, { protocols: [protocol] }).message,
      message,
    );
  }
});

function assertSame(
  actual: HandshakeMessage,
  expected: HandshakeMessage,
  where = "",
): void {
  assertEquals(
    toHex(encodeHandshake(actual)),
    toHex(encodeHandshake(expected)),
    where,
  );
}

Deno.test("the decoder splits at every byte boundary", none, () => {
  const bytes = encodeHandshake({ infoHash, peerId });
  const tail = new Uint8Array([9, 9, 9]);
  const all = new Uint8Array([...bytes, ...tail]);
  for (let cut = 0; cut <= all.length; cut++) {
    const decoder = new HandshakeDecoder();
    let taken = decoder.push(all.subarray(0, cut));
    assertEquals(taken, Math.min(cut, 68));
    assertEquals(decoder.head !== undefined, cut >= 48);
    assertEquals(decoder.message !== undefined, cut >= 68);
    taken += decoder.push(all.subarray(taken));
    assertEquals(taken, 68);
    assertEquals(decoder.needed, 0);
    assertEquals(decoder.push(tail), 0);
    assertEquals(decoder.message!.peerId, peerId);
  }
});

Deno.test("reading what is needed never reads too much", none, () => {
  for (const length of [0, 1, 19, 255]) {
    const protocol = "x".repeat(length);
    const bytes = encodeHandshake({ protocol, infoHash, peerId });
    const decoder = new HandshakeDecoder({ protocols: "any" });
    let offset = 0;
    while (decoder.needed > 0) {
      const end = offset + decoder.needed;
      assert(end <= bytes.length);
      offset += decoder.push(bytes.subarray(offset, end));
    }
    assertEquals(offset, bytes.length);
    assertEquals(decoder.message!.protocol, protocol);
  }
});

Deno.test("every prefix of a handshake is incomplete", none, () => {
  const bytes = encodeHandshake({ infoHash, peerId });
  for (let length = 0; length < bytes.length; length++) {
    const error = assertThrows(
      () => decodeHandshake(bytes.subarray(0, length)),
      HandshakeError,
    );
    assertEquals(error.code, "incomplete");
  }
});

Deno.test("another protocol is refused at its first wrong byte", none, () => {
  const bytes = encodeHandshake({ infoHash, peerId });
  for (let wrong = 0; wrong < 20; wrong++) {
    const bad = bytes.slice();
    bad[wrong]! ^= 0x20;
    const decoder = new HandshakeDecoder();
    assertEquals(decoder.push(bad.subarray(0, wrong)), wrong);
    const error = assertThrows(
      () => decoder.push(bad.subarray(wrong, wrong + 1)),
      HandshakeError,
    );
    assertEquals(error.code, "protocol-mismatch");
  }
  // Not even the length is right.
  assertThrows(
    () => new HandshakeDecoder({ protocols: [] }).push(bytes),
    HandshakeError,
  );
});

Deno.test(
  "several protocols with a common beginning are told apart",
  none,
  () => {
    const protocols = ["chat/1", "chat/2", "chat/10"];
    for (const protocol of protocols) {
      const bytes = encodeHandshake({ protocol, infoHash, peerId });
      const decoder = new HandshakeDecoder({ protocols });
      for (const byte of bytes) decoder.push(new Uint8Array([byte]));
      assertEquals(decoder.message!.protocol, protocol);
    }
  },
);

Deno.test("impossible fields are a RangeError", none, () => {
  const encode = (fields: Partial<HandshakeMessage>) => () =>
    encodeHandshake({ infoHash, peerId, ...fields });
  assertEquals(encode({ protocol: "x".repeat(255) })().length, 304);
  assertThrows(encode({ protocol: "x".repeat(256) }), RangeError);
  assertThrows(encode({ protocol: "\u0100" }), RangeError);
  for (const length of [0, 19, 21, 32]) {
    const bytes = new Uint8Array(length);
    assertThrows(encode({ infoHash: bytes }), RangeError, `${length}`);
    assertThrows(encode({ peerId: bytes }), RangeError, `${length}`);
  }
});
