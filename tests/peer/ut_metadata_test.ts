import { assert, assertEquals, assertThrows } from "@std/assert";
import { crypto } from "@std/crypto";
import { encodeBencode } from "../../bencode/mod.ts";
import { concatBytes, toHex, tryFromHex } from "../../_shared/bytes.ts";
import { randomBytes, seededRandom } from "../../_shared/random.ts";
import { decodePeerMessage, PeerProtocolError } from "../../peer/mod.ts";
import {
  answerUtMetadata,
  decodeUtMetadata,
  encodeUtMetadata,
  MAX_METADATA_SIZE,
  metadataPieceCount,
} from "../../peer/ut_metadata.ts";
import { vectorTest } from "../support/protocol_vectors.ts";

const none = { permissions: "none" } as const;

vectorTest("ut_metadata", (vector) => {
  const envelope = decodePeerMessage(tryFromHex(vector.hex)!);
  assert(envelope.type === "extended");
  const { payload } = envelope;
  if (vector.expected === "reject") {
    assertThrows(() => decodeUtMetadata(payload), PeerProtocolError);
    return;
  }
  const message = decodeUtMetadata(payload);
  if (vector.expected === "ignore") {
    assertEquals(message, undefined);
    return;
  }
  assert(message !== undefined);
  assertEquals(message.piece, (vector.piece as number | undefined) ?? 0);
  const type = vector.msg_type as number | undefined;
  if (type !== undefined) {
    assertEquals(message.type, ["request", "data", "reject"][type]);
  }
  assertEquals(toHex(encodeUtMetadata(message)), toHex(payload));
});

Deno.test("every size is served to the last short piece", none, () => {
  const random = seededRandom(1);
  for (const size of [1, 16_383, 16_384, 16_385, 32_768, 50_000]) {
    const info = randomBytes(random, size);
    const parts: Uint8Array[] = [];
    for (let piece = 0; piece < metadataPieceCount(size); piece++) {
      const answer = decodeUtMetadata(
        encodeUtMetadata(answerUtMetadata(info, piece)),
      );
      assert(answer?.type === "data");
      assertEquals(answer.totalSize, size);
      parts.push(answer.data.slice());
    }
    const digest = (bytes: Uint8Array<ArrayBuffer>) =>
      toHex(new Uint8Array(crypto.subtle.digestSync("SHA-1", bytes)));
    assertEquals(digest(concatBytes(parts)), digest(info));
    assertEquals(
      answerUtMetadata(info, metadataPieceCount(size)),
      { type: "reject", piece: metadataPieceCount(size) },
    );
  }
  assertEquals(answerUtMetadata(undefined, 0), { type: "reject", piece: 0 });
});

Deno.test("types and pieces are taken as far as they are known", none, () => {
  // Four times as many as there can be: they count as pieces we lack.
  const most = 4 * MAX_METADATA_SIZE / 16_384;
  const decode = (msg_type: number, piece: number) =>
    decodeUtMetadata(encodeBencode({ msg_type, piece }));
  assertEquals(decode(0, 0), { type: "request", piece: 0 });
  assertEquals(decode(0, most - 1), { type: "request", piece: most - 1 });
  assertEquals(decode(2, 3), { type: "reject", piece: 3 });
  for (const type of [-1, 3]) assertEquals(decode(type, 0), undefined);
  for (const piece of [-1, most]) {
    assertThrows(() => decode(0, piece), PeerProtocolError, "piece must be");
  }
  const total_size = MAX_METADATA_SIZE;
  const data = new Uint8Array(16_384);
  const head = encodeBencode({ msg_type: 1, piece: 0, total_size });
  assertEquals(decodeUtMetadata(concatBytes([head, data])), {
    type: "data",
    piece: 0,
    totalSize: total_size,
    data,
  });
});

Deno.test("sizes that contradict each other are refused", none, () => {
  const data = (fields: Record<string, number>, length: number) =>
    concatBytes([
      encodeBencode({ msg_type: 1, piece: 0, total_size: 20_000, ...fields }),
      new Uint8Array(length),
    ]);
  assert(decodeUtMetadata(data({}, 16_384)) !== undefined);
  assert(decodeUtMetadata(data({ piece: 1 }, 3_616)) !== undefined);
  for (
    const bad of [
      data({}, 16_383),
      data({}, 16_385),
      data({ piece: 1 }, 16_384),
      data({ piece: 2 }, 0),
      data({ total_size: 0 }, 0),
      data({ total_size: -1 }, 16_384),
      data({ total_size: 2 ** 32 }, 16_384),
      data({ total_size: MAX_METADATA_SIZE + 1 }, 16_384),
      encodeBencode({ msg_type: 0 }),
      encodeBencode({ piece: 0 }),
      encodeBencode([]),
      new Uint8Array(0),
    ]
  ) {
    const error = assertThrows(() => decodeUtMetadata(bad), PeerProtocolError);
    assertEquals(error.code, "malformed");
  }
  for (const total_size of [0, "9", MAX_METADATA_SIZE + 1]) {
    const bad = encodeBencode({ msg_type: 1, piece: 0, total_size });
    assertThrows(
      () => decodeUtMetadata(bad),
      PeerProtocolError,
      "total_size must be",
    );
  }
});

Deno.test("every prefix of a request is refused", none, () => {
  const bytes = encodeUtMetadata({ type: "request", piece: 12 });
  for (let end = 0; end < bytes.length; end++) {
    assertThrows(
      () => decodeUtMetadata(bytes.subarray(0, end)),
      PeerProtocolError,
    );
  }
});
