import { assertEquals } from "@std/assert";
import { readBody } from "../../../_shared/http/read_body.ts";
import { drippingBody } from "../../support/dripping_body.ts";

const none = { permissions: "none" } as const;

Deno.test(
  "readBody() keeps none of the buffers that chunks come in",
  none,
  async () => {
    const body = drippingBody((i) => i < 50_000 ? i & 255 : undefined);
    const bytes = (await readBody(new Response(body), 60_000))!;
    assertEquals(bytes.length, 50_000);
    assertEquals(bytes.findIndex((byte, i) => byte !== (i & 255)), -1);
  },
);

Deno.test("readBody() stops behind what is allowed", none, async () => {
  let isCancelled = false;
  const endless = drippingBody(() => 7, () => isCancelled = true);
  assertEquals(await readBody(new Response(endless), 9), undefined);
  assertEquals(isCancelled, true);
  const exact = drippingBody((i) => i < 9 ? i : undefined);
  assertEquals((await readBody(new Response(exact), 9))?.length, 9);
  assertEquals((await readBody(new Response(null), 0))?.length, 0);
  const into = new Uint8Array(4);
  const read = await readBody(new Response("abc"), 4, into);
  assertEquals([read?.length, read?.buffer === into.buffer], [3, true]);
});
