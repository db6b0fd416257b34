import { assertEquals } from "@std/assert";
import {
  createMetainfo,
  type CreateSource,
  createTorrent,
  parseMetainfo,
  unportableFiles,
} from "../../../metainfo/mod.ts";
import { bytesOf, type Tree } from "../_payload.ts";

const TREE: Tree = {
  "top/a": bytesOf(40_000, 1),
  "top/empty": bytesOf(0, 1),
  "top/s/b": bytesOf(100, 2),
};

function bytesInputs(tree: Tree): CreateSource[] {
  return Object.entries(tree).map(([path, bytes]) => ({
    path: path.split("/"),
    bytes,
  }));
}

Deno.test({
  name: "createMetainfo() gives every pad file a name of its own",
  permissions: "none",
  async fn() {
    for (const version of ["v1", "hybrid"] as const) {
      const tree: Tree = {
        "top/.pad/16284.1": bytesOf(16384, 9),
        "top/a": bytesOf(100, 1),
        "top/b": bytesOf(100, 2),
        "top/c": bytesOf(100, 3),
      };
      const metainfo = parseMetainfo(
        await createMetainfo({
          inputs: bytesInputs(tree),
          pieceLength: 16384,
          padFiles: true,
          version,
        }),
      );
      const pads = metainfo.files.filter((file) => file.pad);
      assertEquals(
        pads.map((file) => file.path.join("/")),
        [".pad/16284", ".pad/16284.2", ".pad/16284.3"]
          .slice(0, version === "v1" ? 2 : 3),
      );
      assertEquals(metainfo.warnings, []);
    }
  },
});

Deno.test({
  name: "createTorrent() knows what a reader would find",
  permissions: "none",
  async fn() {
    for (const version of ["v1", "v2", "hybrid"] as const) {
      const created = await createTorrent({
        inputs: bytesInputs({ ...TREE, "top/a:b\u200b": bytesOf(9, 1) }),
        pieceLength: 16384,
        version,
      });
      const metainfo = parseMetainfo(created.bytes);
      assertEquals(created.name, metainfo.name);
      assertEquals(created.infoHashV1, metainfo.infoHashV1);
      assertEquals(created.infoHashV2, metainfo.infoHashV2);
      assertEquals(created.pieceCount, metainfo.pieceCount);
      assertEquals(created.totalLength, metainfo.totalLength);
      const files = metainfo.files.filter((file) => !file.pad);
      assertEquals(created.fileCount, files.length);
      assertEquals(
        created.unportable.map(({ path, reason }) => [path, reason]),
        unportableFiles(metainfo).map(({ path, reason }) => [path, reason]),
      );
      assertEquals(created.unportable.length > 0, true);
    }
  },
});
