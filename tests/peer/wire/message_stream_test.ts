import { assertEquals, assertRejects } from "@std/assert";
import { seededRandom } from "../../../_shared/random.ts";
import {
  type PeerMessage,
  PeerMessageDecoderStream,
  PeerMessageEncoderStream,
  PeerProtocolError,
} from "../../../peer/mod.ts";
import { generateMessage } from "../generate_message.ts";

const none = { permissions: "none" } as const;

Deno.test("encoder and decoder streams are a pair", none, async () => {
  const random = seededRandom(9);
  const messages: PeerMessage[] = [];
  for (let i = 0; i < 200; i++) messages.push(generateMessage(random));
  const halves = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      const middle = chunk.length >> 1;
      controller.enqueue(chunk.subarray(0, middle));
      controller.enqueue(chunk.subarray(middle));
    },
  });
  const got = await Array.fromAsync(
    ReadableStream.from(messages)
      .pipeThrough(new PeerMessageEncoderStream())
      .pipeThrough(halves)
      .pipeThrough(new PeerMessageDecoderStream()),
  );
  assertEquals(got.length, messages.length);
  got.forEach((message, i) => assertEquals(message, messages[i]));
});

Deno.test("a truncated stream errors", none, async () => {
  await assertRejects(
    () =>
      Array.fromAsync(
        ReadableStream.from([Uint8Array.of(0, 0, 0)])
          .pipeThrough(new PeerMessageDecoderStream()),
      ),
    PeerProtocolError,
  );
});
