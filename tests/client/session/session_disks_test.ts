import { assert, assertEquals } from "@std/assert";
import {
  readBytes,
  SessionDisks,
} from "../../../client/session/session_disks.ts";
import { MemoryFileSystem } from "../../../disk/memory_file_system.ts";
import { MemoryStorage } from "../../../disk/memory_storage.ts";

const pure = { permissions: "none" } as const;

Deno.test(
  "SessionDisks gives a place one manager, until the last torrent goes",
  pure,
  async () => {
    const disks = new SessionDisks({});
    const places = [new MemoryFileSystem(), new MemoryStorage(), "folder"];
    for (const place of places) {
      disks.use(place);
      disks.use(place);
      const first = disks.at(place);
      await disks.release(place);
      assertEquals(disks.at(place) === first, true);
      await disks.release(place);
      const second = disks.at(place);
      assert(second !== first);
      await disks.release(place);
    }
    await disks.release("never used");
    assertEquals(disks.bufferedBytes, 0);
  },
);

Deno.test("one read brings a part of what may be buffered", pure, () => {
  const MiB = 2 ** 20;
  assertEquals([0, 2, 8, 64, 128].map((n) => readBytes(n * MiB)), [
    16_384,
    16_384,
    65_536,
    524_288,
    524_288,
  ]);
  assertEquals(readBytes(), 524_288);
});
