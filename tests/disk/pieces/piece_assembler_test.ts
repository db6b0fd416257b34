import { assertEquals } from "@std/assert";
import { DiskManager, MemoryFileSystem } from "../../../disk/mod.ts";
import { PieceLayout } from "../../../metainfo/mod.ts";

Deno.test("what hashes is loaded when the first block comes", async () => {
  const { process } = globalThis as unknown as {
    process: { getBuiltinModule(name: string): unknown };
  };
  const load = process.getBuiltinModule;
  const loaded: string[] = [];
  process.getBuiltinModule = (name) => {
    loaded.push(name);
    return load(name);
  };
  try {
    await using disk = new DiskManager({ fileSystem: new MemoryFileSystem() });
    const storage = await disk.add({
      infoHash: new Uint8Array(20),
      layout: new PieceLayout({
        pieceLength: 1 << 20,
        files: [{ length: 1 << 20 }],
      }),
      paths: [["file"]],
      pieces: new Uint8Array(20),
    });
    assertEquals(loaded, []);
    // Of 64 blocks: nothing of it is hashed.
    storage.writeBlock(0, 0, new Uint8Array(16_384));
    assertEquals(loaded, ["node:crypto"]);
  } finally {
    process.getBuiltinModule = load;
  }
});
