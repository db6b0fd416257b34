import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  BencodeDecoderStream,
  BencodeSyntaxError,
  type BencodeValue,
} from "../../bencode/mod.ts";
import { raw } from "./generate.ts";

async function collect(
  chunks: Iterable<Uint8Array>,
): Promise<[BencodeValue[], unknown]> {
  const values: BencodeValue[] = [];
  try {
    const stream = ReadableStream.from(chunks)
      .pipeThrough(new BencodeDecoderStream());
    for await (const value of stream) values.push(value);
  } catch (error) {
    return [values, error];
  }
  return [values, undefined];
}

Deno.test({
  name: "BencodeDecoderStream gives values for any chunk size",
  permissions: "none",
  async fn() {
    const input = raw("i1el4:spamed1:ai-2ee0:");
    for (let size = 1; size <= input.length; size++) {
      const chunks: Uint8Array[] = [];
      for (let i = 0; i < input.length; i += size) {
        chunks.push(input.subarray(i, i + size));
      }
      const [values, error] = await collect(chunks);
      assertEquals(error, undefined);
      assertEquals(values, [
        1,
        [raw("spam")],
        new Map([["a", -2]]),
        new Uint8Array(0),
      ]);
    }
    assertEquals(await collect([]), [[], undefined]);
  },
});

Deno.test({
  name: "BencodeDecoderStream delivers what precedes a fault",
  permissions: "none",
  async fn() {
    for (
      const [chunks, code, offset] of [
        [["i1ei2ex"], "invalid-value", 6],
        [["i1ei", "2ex", "i3e"], "invalid-value", 6],
        [["i1ei2ei3"], "unexpected-end", 8],
        [["i1e", "i2e", "i3"], "unexpected-end", 8],
      ] as const
    ) {
      const [values, error] = await collect(chunks.map(raw));
      assertEquals(values, [1, 2]);
      assertEquals(error instanceof BencodeSyntaxError, true);
      const { code: actual, offset: at } = error as BencodeSyntaxError;
      assertEquals([actual, at], [code, offset]);
    }
  },
});

Deno.test({
  name: "BencodeDecoderStream passes failures to the other side",
  permissions: "none",
  async fn() {
    // A fault in the bytes reaches the writer.
    const faulty = new BencodeDecoderStream();
    const writer = faulty.writable.getWriter();
    const reader = faulty.readable.getReader();
    const read = assertRejects(() => reader.read(), BencodeSyntaxError);
    await writer.write(raw("junk"));
    await read;
    await assertRejects(() => writer.closed, BencodeSyntaxError);

    // A reader that gives up reaches the writer.
    const cancelled = new BencodeDecoderStream();
    const reason = new Error("enough");
    await cancelled.readable.cancel(reason);
    const later = cancelled.writable.getWriter();
    assertStrictEquals(await later.closed.catch((error) => error), reason);

    // A writer that fails reaches the reader.
    const aborted = new BencodeDecoderStream();
    const waiting = aborted.readable.getReader().read().catch((error) => error);
    await aborted.writable.abort(reason);
    assertStrictEquals(await waiting, reason);
  },
});

Deno.test({
  name: "BencodeDecoderStream takes no more bytes than are asked for",
  permissions: "none",
  async fn() {
    let pulled = 0;
    const source = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled++;
        controller.enqueue(raw("i1e"));
      },
    });
    const reader = source.pipeThrough(new BencodeDecoderStream()).getReader();
    for (let i = 0; i < 10; i++) await reader.read();
    assertEquals(pulled <= 16, true, `${pulled} chunks pulled`);
    await reader.cancel();
  },
});
