import { assert, assertEquals, assertThrows } from "@std/assert";
import { concatBytes, writeUint32 } from "../../../_shared/bytes.ts";
import { randomInt, seededRandom } from "../../../_shared/random.ts";
import {
  encodePeerMessage,
  type PeerMessage,
  PeerMessageDecoder,
  PeerProtocolError,
} from "../../../peer/mod.ts";
import { generateMessage } from "../generate_message.ts";
import { copyMessage } from "../copy_message.ts";

const none = { permissions: "none" } as const;

function header(length: number, id: number): Uint8Array {
  const bytes = new Uint8Array(5);
  writeUint32(bytes, 0, length);
  bytes[4] = id;
  return bytes;
}

function codeOf(bytes: Uint8Array, decoder = new PeerMessageDecoder()): string {
  try {
    decoder.push(bytes, () => {});
    return "ok";
  } catch (error) {
    assert(error instanceof PeerProtocolError);
    return error.code;
  }
}

Deno.test("any split gives the same messages", none, () => {
  const seed = 77;
  const random = seededRandom(seed);
  for (let run = 0; run < 60; run++) {
    const messages: PeerMessage[] = [];
    for (let i = 0; i < 25; i++) messages.push(generateMessage(random));
    const stream = concatBytes(messages.map(encodePeerMessage));
    const decoder = new PeerMessageDecoder();
    const got: PeerMessage[] = [];
    const most = [1, 3, 7, 100, 5_000, 100_000][run % 6]!;
    for (let at = 0; at < stream.length;) {
      const size = 1 + randomInt(random, most);
      // A chunk that is overwritten afterwards, as a read buffer is.
      const chunk = stream.slice(at, at + size);
      decoder.push(chunk, (m) => got.push(copyMessage(m)));
      chunk.fill(0xee);
      at += size;
    }
    decoder.finish();
    assertEquals(got.length, messages.length);
    for (let i = 0; i < got.length; i++) {
      assertEquals(got[i], messages[i], `seed ${seed} run ${run} message ${i}`);
    }
  }
});

Deno.test("every prefix of a stream gives only whole messages", none, () => {
  const stream = concatBytes([
    encodePeerMessage({ type: "have", pieceIndex: 1 }),
    encodePeerMessage({ type: "keep-alive" }),
    encodePeerMessage({
      type: "piece",
      pieceIndex: 1,
      blockOffset: 2,
      data: new Uint8Array(5),
    }),
  ]);
  const ends = [9, 13, 31];
  for (let end = 0; end <= stream.length; end++) {
    const decoder = new PeerMessageDecoder();
    let count = 0;
    decoder.push(stream.subarray(0, end), () => count++);
    assertEquals(count, ends.filter((e) => e <= end).length);
    if (end === 0 || ends.includes(end)) decoder.finish();
    else {
      const error = assertThrows(() => decoder.finish(), PeerProtocolError);
      assertEquals(error.code, "truncated");
    }
  }
});

Deno.test(
  "lengths are checked at the header, one beyond each limit",
  none,
  () => {
    const exact: [number, number][] = [
      [0, 1],
      [1, 1],
      [2, 1],
      [3, 1],
      [4, 5],
      [6, 13],
      [8, 13],
      [9, 3],
      [13, 5],
      [14, 1],
      [15, 1],
      [16, 13],
      [17, 5],
      [21, 49],
      [23, 49],
    ];
    for (const [id, length] of exact) {
      assertEquals(codeOf(header(length, id)), "ok", `id ${id}`);
      assert(codeOf(header(length + 1, id)) !== "ok", `id ${id} longer`);
      if (length > 1) assert(codeOf(header(length - 1, id)) !== "ok");
    }
    // Piece: 0 to 8 bytes are no crash, 9 is the least (an empty block).
    for (let length = 1; length < 9; length++) {
      assertEquals(codeOf(header(length, 7)), "bad-length");
    }
    assertEquals(codeOf(header(9, 7)), "ok");
    assertEquals(codeOf(header(9 + 131_072, 7)), "ok");
    assertEquals(codeOf(header(9 + 131_073, 7)), "too-long");
    // Bitfield: exact when the number of pieces is known.
    const pieces = (n: number) => new PeerMessageDecoder(n);
    assertEquals(codeOf(header(3, 5), pieces(9)), "ok");
    assertEquals(codeOf(header(2, 5), pieces(9)), "bad-bitfield");
    assertEquals(codeOf(header(4, 5), pieces(9)), "bad-bitfield");
    assertEquals(codeOf(header(1 + 262_144, 5)), "ok");
    assertEquals(codeOf(header(2 + 262_144, 5)), "too-long");
    // Extended.
    assertEquals(codeOf(header(1, 20)), "bad-length");
    assertEquals(codeOf(header(2 + 1_048_576, 20)), "ok");
    assertEquals(codeOf(header(3 + 1_048_576, 20)), "too-long");
    // Hashes and unknown types.
    assert(codeOf(header(48, 22)) !== "ok");
    assertEquals(codeOf(header(49 + 32 * 8_224, 22)), "ok");
    assertEquals(codeOf(header(50 + 32 * 8_224, 22)), "too-long");
    assertEquals(codeOf(header(1 + 65_536, 99)), "ok");
    assertEquals(codeOf(header(2 + 65_536, 99)), "too-long");
  },
);

Deno.test("2^32 - 1 is refused before the type is known", none, () => {
  const decoder = new PeerMessageDecoder();
  assert(codeOf(Uint8Array.of(255, 255, 255, 255), decoder) !== "ok");
  assertEquals(decoder.bufferedBytes, 0);
  const dripped = new PeerMessageDecoder();
  for (let i = 0; i < 3; i++) {
    assertEquals(codeOf(Uint8Array.of(255), dripped), "ok");
  }
  assert(codeOf(Uint8Array.of(255), dripped) !== "ok");
  // Broken for good.
  assert(codeOf(Uint8Array.of(0, 0, 0, 0), dripped) !== "ok");
});

Deno.test("messages before a violation are given out", none, () => {
  const decoder = new PeerMessageDecoder();
  const got: string[] = [];
  assertThrows(
    () =>
      decoder.push(
        concatBytes([
          encodePeerMessage({ type: "choke" }),
          header(2, 0),
          Uint8Array.of(0),
        ]),
        (m) => got.push(m.type),
      ),
    PeerProtocolError,
  );
  assertEquals(got, ["choke"]);
});

Deno.test("stop() ends the delivery within a chunk", none, () => {
  const decoder = new PeerMessageDecoder();
  const bytes = encodePeerMessage({ type: "choke" });
  let count = 0;
  decoder.push(concatBytes([bytes, bytes, bytes]), () => {
    count++;
    decoder.stop();
  });
  assertEquals(count, 1);
  decoder.push(bytes, () => count++);
  assertEquals(count, 1);
});

Deno.test("a dripped message costs linear time", none, () => {
  const payload = new Uint8Array(1_048_576);
  const bytes = encodePeerMessage({ type: "extended", id: 1, payload });
  const decoder = new PeerMessageDecoder();
  let length = 0;
  for (let at = 0; at < bytes.length; at += 16) {
    decoder.push(bytes.subarray(at, at + 16), (message) => {
      if (message.type === "extended") length = message.payload.length;
    });
  }
  assertEquals(length, payload.length);
});

Deno.test(
  "memory grows with what arrives, not with what is promised",
  none,
  () => {
    const before = Deno.memoryUsage().external;
    const decoders = Array.from({ length: 200 }, () => {
      const decoder = new PeerMessageDecoder();
      decoder.push(header(1_048_576, 20), () => {});
      return decoder;
    });
    const grown = Deno.memoryUsage().external - before;
    assert(grown < 50 * 2 ** 20, `${grown}`);
    assertEquals(decoders.length, 200);
  },
);
