// A web seed as a source of blocks, with nothing behind it.
import { assertEquals } from "@std/assert";
import { WebSeedSource } from "../../../client/content/web_seed_source.ts";
import type { BlockAddress } from "../../../metainfo/mod.ts";
import { openContent } from "./fake_content.ts";

const none = { permissions: "none" } as const;
const URL = "http://8.8.8.8/abc";

Deno.test(
  "WebSeedSource takes part once, and only while it may be asked",
  none,
  async () => {
    const { content } = await openContent();
    for (
      const [state, takesPart] of [
        ["ready", true],
        ["waiting", true],
        ["banned", false],
      ] as const
    ) {
      const source = new WebSeedSource(content, { url: URL, isNamed: true }, 0);
      Object.defineProperty(source.seed, "state", { value: state });
      source.start();
      source.start();
      assertEquals(source.inPicker, takesPart, state);
      assertEquals(source.key, 0x7fffffff);
      if (takesPart) source.stop();
      assertEquals(source.inPicker, false);
      await source.seed.close();
    }
  },
);

Deno.test(
  "WebSeedSource asks for blocks in the order in which they lie",
  none,
  async () => {
    const { content } = await openContent();
    const source = new WebSeedSource(content, { url: URL, isNamed: true }, 3);
    const asked: (readonly [number, number])[] = [];
    const cancelled: BlockAddress[] = [];
    source.seed.request = (blocks) => {
      for (const { pieceIndex, blockOffset } of blocks) {
        asked.push([pieceIndex, blockOffset]);
      }
    };
    source.seed.cancel = (block) => void cancelled.push(block);
    const block = (pieceIndex: number, n: number) => ({
      pieceIndex,
      blockOffset: n * 16_384,
      length: 16_384,
    });
    const blocks = [
      block(2, 0),
      block(1, 1),
      block(0, 1),
      block(1, 0),
      block(0, 0),
    ];
    assertEquals(source.request(blocks), []);
    assertEquals(asked, [[0, 0], [0, 16_384], [1, 0], [1, 16_384], [2, 0]]);
    assertEquals([source.cancel(blocks[0]!), cancelled], [true, [blocks[0]]]);
    assertEquals(source.key, 0x7fffffff - 3);
    await source.seed.close();
  },
);
