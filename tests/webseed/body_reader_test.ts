import { assertEquals } from "@std/assert";
import { BodyReader } from "../../webseed/body_reader.ts";

const CHUNKS = [[1, 2, 3, 4, 5], [6], [7, 8]].map((list) =>
  new Uint8Array(list)
);

async function readAll(reader: BodyReader): Promise<number[][]> {
  const list: number[][] = [];
  let bytes;
  while ((bytes = await reader.read(3)) !== undefined) list.push([...bytes]);
  await reader.close();
  return list;
}

Deno.test("BodyReader - takes no more than was said of a byte stream", {
  permissions: "none",
}, async () => {
  const chunks = [...CHUNKS];
  const body = new ReadableStream({
    type: "bytes",
    pull(controller) {
      const chunk = chunks.shift();
      if (chunk !== undefined) return controller.enqueue(chunk.slice());
      controller.close();
      controller.byobRequest?.respond(0);
    },
  });
  assertEquals(await readAll(new BodyReader(body)), [
    [1, 2, 3],
    [4, 5],
    [6],
    [7, 8],
  ]);
});

Deno.test(
  "BodyReader - takes chunks of other streams bit by bit, and no body as none",
  {
    permissions: "none",
  },
  async () => {
    const body = ReadableStream.from(CHUNKS) as ReadableStream<
      Uint8Array<ArrayBuffer>
    >;
    assertEquals(await readAll(new BodyReader(body)), [
      [1, 2, 3],
      [4, 5],
      [6],
      [7, 8],
    ]);
    assertEquals(await readAll(new BodyReader(null)), []);
  },
);

Deno.test("BodyReader.close() gives the stream up", {
  permissions: "none",
}, async () => {
  let cancelled = false;
  const reader = new BodyReader(
    new ReadableStream({ cancel: () => void (cancelled = true) }),
  );
  await reader.close();
  assertEquals(cancelled, true);
});
