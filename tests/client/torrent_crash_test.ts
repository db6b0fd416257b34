import { assertEquals } from "@std/assert";
import { MemoryFileSystem } from "../../disk/memory_file_system.ts";
import { simTorrent, SwarmWorld } from "../../testing/mod.ts";
// Sessions load it when they need it: virtual time would not wait for that.
import "../../disk/storage/reserve.ts";

Deno.test(
  "Torrent that is not sparse is known again after a crash at its first piece",
  {
    permissions: "none",
  },
  async () => {
    const torrent = await simTorrent([["a.bin", 600_000], ["b.bin", 500_000]]);
    await using world = new SwarmWorld({ seed: 11 });
    for (const allocation of ["compact", "full"] as const) {
      const files = new MemoryFileSystem();
      let saved: Uint8Array | undefined;
      {
        const host = await world.host({ files });
        const one = host.add(torrent, {
          allocation,
          saveResumeData: (data) => Promise.resolve(void (saved ??= data)),
        });
        await world.until(() => one.state === "downloading");
      }
      // Less than a piece of it was written.
      files.open(["sim", "a.bin"], { write: true }).truncate(100);
      const host = await world.host({ files });
      const one = host.add(torrent, { allocation, resumeData: saved });
      await world.until(() => one.state !== "checking");
      assertEquals(one.state, "downloading", `${allocation}: ${one.error}`);
    }
  },
);
