import { assert, assertEquals } from "@std/assert";
import { concatBytes } from "../../../_shared/bytes.ts";
import { randomInt, seededRandom } from "../../../_shared/random.ts";
import { encodePeerMessage } from "../../../peer/mod.ts";
import {
  PeerMessageBuffer,
  peerMessageSize,
} from "../../../peer/wire/message_encode.ts";
import { generateMessage } from "../generate_message.ts";

const none = { permissions: "none" } as const;

Deno.test("the buffer gives exactly what was appended", none, () => {
  const random = seededRandom(3);
  const buffer = new PeerMessageBuffer();
  const expected: Uint8Array[] = [];
  const got: Uint8Array[] = [];
  for (let run = 0; run < 500; run++) {
    const message = generateMessage(random);
    expected.push(encodePeerMessage(message));
    const before = buffer.length;
    buffer.append(message);
    assertEquals(buffer.length - before, peerMessageSize(message));
    if (randomInt(random, 5) === 0) {
      const taken = buffer.take();
      got.push(taken.slice());
      assertEquals(buffer.length, 0);
      // Appending while the taken part is "being written" must not touch it.
      const copy = taken.slice();
      const next = generateMessage(random);
      expected.push(encodePeerMessage(next));
      buffer.append(next);
      assertEquals(taken, copy);
      buffer.recycle(taken);
    }
  }
  got.push(buffer.take());
  assertEquals(concatBytes(got), concatBytes(expected));
});

Deno.test(
  "the buffer of a peer that is sent little keeps no memory",
  none,
  () => {
    const buffer = new PeerMessageBuffer();
    const sizes = [];
    for (let i = 0; i < 2; i++) {
      buffer.append({ type: "have", pieceIndex: i });
      const taken = buffer.take();
      buffer.recycle(taken);
      sizes.push(buffer.take().buffer.byteLength);
    }
    assertEquals(sizes, [0, 0]);
    const payload = new Uint8Array(20_000);
    buffer.append({ type: "extended", id: 1, payload });
    buffer.recycle(buffer.take());
    buffer.append({ type: "choke" });
    buffer.release();
    assertEquals(buffer.length, 5);
    assert(buffer.take().buffer.byteLength > payload.length);
    buffer.release();
    assertEquals(buffer.take().buffer.byteLength, 0);
  },
);

Deno.test(
  "the buffer of a burst goes when it was hardly filled 64 times in a row",
  none,
  () => {
    const buffer = new PeerMessageBuffer();
    const send = (length: number) => {
      buffer.append({
        type: "extended",
        id: 1,
        payload: new Uint8Array(length),
      });
      buffer.recycle(buffer.take());
    };
    const capacity = () => buffer.take().buffer.byteLength;
    send(100_000);
    for (let i = 0; i < 63; i++) send(300);
    send(40_000);
    for (let i = 0; i < 63; i++) send(300);
    const kept = capacity();
    assert(kept > 100_000);
    buffer.recycle(new Uint8Array(new ArrayBuffer(kept), 0, 40_000));
    for (let i = 0; i < 64; i++) send(300);
    assert(capacity() < 65_536);
  },
);
