import { assertEquals } from "@std/assert";
import { OneContent } from "../../../testing/simulation/one_content.ts";

Deno.test({
  name: "a file is as long as what was written, and holds the one content",
  permissions: "none",
  async fn() {
    const files = new OneContent(Uint8Array.of(1, 2, 3, 4));
    const file = files.open(["a"], { write: true });
    await file.write(Uint8Array.of(2, 3), 1);
    assertEquals(await file.size(), 3);
    // Nothing was written for it.
    assertEquals(files.usedBytes, 0);
    const into = new Uint8Array(4);
    assertEquals(await file.read(into, 1), 2);
    assertEquals(into, Uint8Array.of(2, 3, 0, 0));
    files.isLying = true;
    assertEquals(await file.read(into, 0), 3);
    assertEquals(into, Uint8Array.of(0xee, 0xee, 0xee, 0));
  },
});
