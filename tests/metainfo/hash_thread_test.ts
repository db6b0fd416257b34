import { assert, assertEquals } from "@std/assert";
import { HashThread } from "../../metainfo/hash_thread.ts";
import { PieceHasher } from "../../metainfo/piece_digest.ts";

const BLOCK = 16_384;
const wanted = {
  pieceLength: 4 * BLOCK,
  sha1: true,
  tree: { payload: 3 * BLOCK + 5, fileLength: 1e9 },
};
const size = 3 * BLOCK + 100;

function parts(fill: number): ArrayBuffer[] {
  return [0, 1].map((i) => new Uint8Array(2 * BLOCK).fill(fill + i).buffer);
}

Deno.test({
  name: "HashThread hashes in order and gives buffers back",
  ignore: navigator.hardwareConcurrency < 2,
  async fn() {
    const thread = HashThread.start();
    assert(thread !== undefined);
    const sent = [1, 2, 3].map((fill) => parts(fill));
    const hashed = await Promise.all(
      sent.map((buffers) => thread.hash(wanted, size, buffers)),
    );
    for (const [i, one] of hashed.entries()) {
      const own = new PieceHasher(wanted);
      const buffers = parts(i + 1);
      own.update(new Uint8Array(buffers[0]!));
      own.update(new Uint8Array(buffers[1]!, 0, size - 2 * BLOCK));
      assertEquals(one, { ...own.finish(), buffers });
      assert(sent[i]!.every((buffer) => buffer.detached));
    }
    // What it has when it is ended is gone.
    const last = thread.hash(wanted, size, parts(4));
    thread.close();
    thread.close();
    assertEquals(await last, undefined);
    assertEquals(await thread.hash(wanted, size, parts(5)), undefined);
  },
});

Deno.test("HashThread does not start where it cannot be read", {
  permissions: "none",
}, () => {
  assertEquals(HashThread.start(), undefined);
});
