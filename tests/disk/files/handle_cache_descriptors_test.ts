import { assert, assertEquals } from "@std/assert";
import { DiskError } from "../../../disk/error.ts";
import { HandleCache, HandlePool } from "../../../disk/files/handle_cache.ts";
import { MemoryFileSystem } from "../../../disk/memory_file_system.ts";
import { injectFaults, interceptFileSystem } from "../../../disk/middleware.ts";
import { SimClock } from "../../../testing/sim_clock.ts";
import { assertFiles, open, writeAll } from "../storage_bench.ts";
import { makeTorrent } from "../support.ts";

const pure = { permissions: "none" } as const;

const emfile = () =>
  Object.assign(new Error("Too many open files"), { code: "EMFILE" });

Deno.test(
  "files that are not in use are closed when there are no descriptors",
  pure,
  async () => {
    for (const slow of [false, true]) {
      let left = 3;
      const limited = interceptFileSystem(
        new MemoryFileSystem(),
        injectFaults(({ operation }) => {
          if (operation === "close") left++;
          if (operation !== "open") return undefined;
          const error = new DiskError("too-many-files", "None left", {
            operation,
          });
          return left-- > 0 ? undefined : (left++, { error });
        }),
      );
      const cache = new HandleCache(
        slow
          ? interceptFileSystem(
            limited,
            injectFaults(() => ({ after: Promise.resolve() })),
          )
          : limited,
        new HandlePool(100),
      );
      for (let i = 0; i < 10; i++) {
        const handle = await cache.open([`${i}`], { write: true });
        await handle.write(new Uint8Array([i]), 0);
        await handle.close();
      }
      await cache.close();
      assertEquals(left, 3);
    }
  },
);

Deno.test(
  "without a descriptor a torrent waits, and then goes on by itself",
  pure,
  async () => {
    const torrent = makeTorrent({ pieceLength: 16384, files: [100_000] });
    const clock = new SimClock();
    await using bench = await open(torrent, { disk: { clock } });
    const { storage, events, memory } = bench;
    bench.fault = (call) =>
      call.operation === "open" ? { error: emfile() } : undefined;
    writeAll(storage, torrent);
    await clock.advance(5000);
    assertEquals([storage.state, storage.have.count], ["paused", 0]);
    assertEquals(events, []);
    bench.fault = undefined;
    await clock.advance(1000);
    assert(storage.have.isFull);
    assertEquals(storage.state, "ready");
    assertFiles(memory, torrent);
  },
);
