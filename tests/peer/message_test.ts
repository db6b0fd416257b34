import { assertEquals, assertThrows } from "@std/assert";
import { toHex, tryFromHex } from "../../_shared/bytes.ts";
import { seededRandom } from "../../_shared/random.ts";
import {
  decodePeerMessage,
  encodePeerMessage,
  hashProofLength,
  type HashRange,
  isHashRange,
  type PeerMessage,
  PeerMessageDecoder,
  PeerProtocolError,
} from "../../peer/mod.ts";
import { Bitfield } from "../../_shared/bitfield.ts";
import { generateMessage } from "./generate_message.ts";
import { vectorTest } from "../support/protocol_vectors.ts";

const none = { permissions: "none" } as const;

vectorTest("peer-message", (vector) => {
  const bytes = tryFromHex(vector.hex)!;
  const messages: PeerMessage[] = [];
  const decoder = new PeerMessageDecoder(
    vector.num_pieces as number | undefined,
  );
  if (vector.expected === "reject") {
    assertThrows(
      () => decoder.push(bytes, (m) => messages.push(m)),
      PeerProtocolError,
    );
    return;
  }
  decoder.push(bytes, (m) => messages.push(m));
  if (vector.expected === "incomplete") {
    assertEquals(messages, []);
    assertThrows(() => decoder.finish(), PeerProtocolError, "stream ended");
    return;
  }
  assertEquals(messages.length, 1);
  const message = messages[0]!;
  assertEquals(
    message.type.replace("-", "").replace("-", ""),
    String(vector.type).replaceAll(" ", ""),
  );
  if (message.type === "request") {
    assertEquals([message.pieceIndex, message.blockOffset, message.length], [
      vector.index,
      vector.begin,
      vector.length,
    ]);
  }
  if (message.type === "port") assertEquals(message.port, vector.port);
  if (message.type === "allowed-fast") {
    assertEquals(message.pieceIndex, vector.index);
  }
  if (message.type === "bitfield") {
    const count = vector.num_pieces as number;
    assertEquals(
      [...Bitfield.tryFrom(message.bytes, count)!],
      vector.have as number[],
    );
  }
  assertEquals(toHex(encodePeerMessage(message)), vector.hex);
});

vectorTest("bep52-hash-messages", (vector) => {
  const message = decodePeerMessage(
    tryFromHex(vector.hex)!,
  ) as PeerMessage & HashRange;
  assertEquals(toHex(encodePeerMessage(message)), vector.hex);
  assertEquals(isHashRange(message), vector.expected !== "hash reject");
  if (vector.expected === "hash reject") return;
  assertEquals(
    [message.baseLayer, message.index, message.length, message.proofLayers],
    [vector.base_layer, vector.index, vector.length, vector.proof_layers],
  );
  assertEquals(toHex(message.piecesRoot), vector.pieces_root as string);
  if (message.type === "hashes") {
    assertEquals(hashProofLength(message), (vector.uncles as string[]).length);
    assertEquals(
      message.hashes.length,
      32 * (message.length + hashProofLength(message)),
    );
  }
});

Deno.test("messages round-trip byte-exactly", none, () => {
  const seed = 20_26;
  const random = seededRandom(seed);
  for (let run = 0; run < 2_000; run++) {
    const message = generateMessage(random);
    const bytes = encodePeerMessage(message);
    assertEquals(decodePeerMessage(bytes), message, `seed ${seed} run ${run}`);
    assertEquals(encodePeerMessage(decodePeerMessage(bytes)), bytes);
  }
});

Deno.test(
  "every prefix of a message is refused as a whole message",
  none,
  () => {
    const random = seededRandom(5);
    for (let run = 0; run < 60; run++) {
      const bytes = encodePeerMessage(generateMessage(random));
      const step = Math.max(1, Math.floor(bytes.length / 40));
      for (let end = 0; end < bytes.length; end += step) {
        assertThrows(
          () => decodePeerMessage(bytes.subarray(0, end)),
          PeerProtocolError,
        );
      }
    }
  },
);

Deno.test("uint32 fields are unsigned", none, () => {
  const message: PeerMessage = {
    type: "request",
    pieceIndex: 0xffffffff,
    blockOffset: 0x80000000,
    length: 0xfffffffe,
  };
  assertEquals(decodePeerMessage(encodePeerMessage(message)), message);
});

Deno.test("a pieces root of another length is a caller's mistake", none, () => {
  assertThrows(
    () =>
      encodePeerMessage({
        type: "hash-request",
        piecesRoot: new Uint8Array(31),
        baseLayer: 0,
        index: 0,
        length: 2,
        proofLayers: 0,
      }),
    RangeError,
    "32 bytes",
  );
});
