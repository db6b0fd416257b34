import { assert, assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../../disk/error.ts";
import { DiskManager } from "../../disk/manager.ts";
import { NativeFileSystem } from "../../disk/native_file_system.ts";
import type { DiskAddOptions } from "../../disk/storage.ts";
import { TempDir } from "../support/paths.ts";
import { writeAll } from "./storage_bench.ts";
import { makeTorrent } from "./support.ts";

const torrent = makeTorrent({ pieceLength: 16384, files: [200_000, 50_000] });
const isWindows = Deno.build.os === "windows";

/** A torrent whose first file is a link to one that is damaged, or longer. */
async function scene(temp: TempDir, change: (bytes: Uint8Array) => Uint8Array) {
  const theirs = temp.join("theirs");
  const content = change(torrent.fileContent[0]!.slice());
  await Deno.writeFile(theirs, content, { mode: 0o444 });
  await Deno.mkdir(temp.join("torrent"));
  await Deno.link(theirs, temp.join("torrent/f0"));
  const open = async (options: DiskAddOptions = {}) => {
    const disk = new DiskManager({
      fileSystem: new NativeFileSystem(temp.path),
    });
    return { disk, storage: await disk.add(torrent, options) };
  };
  return { theirs, content, open };
}

for (
  const [what, change] of [
    ["damaged", (bytes: Uint8Array) => bytes.with(40_000, 7)],
    ["too long", (bytes: Uint8Array) => new Uint8Array([...bytes, 1, 2, 3])],
  ] as const
) {
  Deno.test({
    name: `a linked file that is ${what} is copied before it is written`,
    ignore: isWindows,
    async fn() {
      for (const allocation of ["sparse", "full", "compact"] as const) {
        await using temp = new TempDir();
        const { theirs, content, open } = await scene(
          temp,
          (bytes) => change(bytes) as Uint8Array,
        );
        const { disk, storage } = await open({ allocation });
        assert(storage.have.count >= 11 && !storage.have.isFull);
        writeAll(storage, torrent);
        await storage.flush();
        await storage.confirm();
        assertEquals(
          await Deno.readFile(temp.join("torrent/f0")),
          torrent.fileContent[0],
        );
        assertEquals(await Deno.readFile(theirs), content);
        const [ours, other] = [temp.join("torrent/f0"), theirs]
          .map((path) => Deno.statSync(path));
        assert(ours!.ino !== other!.ino);
        assertEquals([ours!.nlink, other!.nlink], [1, 1]);
        const resume = await storage.resumeData();
        await disk.close();
        const again = await open({ existing: "resume", resume });
        assert(again.storage.have.isFull);
        await again.disk.close();
        assertEquals(
          [...Deno.readDirSync(temp.join("torrent"))].map(({ name }) => name)
            .sort(),
          ["f0", "f1"],
        );
      }
    },
  });
}

Deno.test({
  name: "a linked file that is whole stays linked",
  ignore: isWindows,
  async fn() {
    await using temp = new TempDir();
    const { theirs, open } = await scene(temp, (bytes) => bytes);
    const { disk, storage } = await open();
    writeAll(storage, torrent);
    await storage.confirm();
    assertEquals((await Deno.stat(theirs)).nlink, 2);
    await storage.remove({ deleteFiles: true });
    assertEquals((await Deno.stat(theirs)).nlink, 1);
    await disk.close();
  },
});

Deno.test({
  name: "a file that cannot be parted is not written, and the error is told",
  ignore: isWindows,
  async fn() {
    await using temp = new TempDir();
    const { theirs, content } = await scene(
      temp,
      (bytes) => bytes.with(40_000, 7) as Uint8Array<ArrayBuffer>,
    );
    const fileSystem = new NativeFileSystem(temp.path);
    const full = () =>
      Promise.reject(
        new DiskError("disk-full", "No space", { operation: "copy" }),
      );
    await using disk = new DiskManager({
      fileSystem: Object.assign(fileSystem, { own: full }),
    });
    const storage = await disk.add(torrent);
    writeAll(storage, torrent);
    const failed = await assertRejects(() => storage.flush(), DiskError);
    assertEquals(failed.code, "disk-full");
    assertEquals(await Deno.readFile(theirs), content);
    await storage.close().catch(() => {});
  },
});
