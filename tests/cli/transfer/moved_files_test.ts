import { assertEquals, assertRejects } from "@std/assert";
import { CommandError } from "../../../cli/error.ts";
import { isMovedAlready } from "../../../cli/transfer/moved_files.ts";
import { createMetainfo } from "../../../metainfo/create.ts";
import { parseMetainfo } from "../../../metainfo/parse.ts";
import { TempDir } from "../../support/paths.ts";

Deno.test("isMovedAlready() wants all files that are wanted, or none", async () => {
  await using temp = new TempDir();
  const metainfo = parseMetainfo(
    await createMetainfo({
      inputs: ["a", "b"].map((name) => ({
        path: ["d", name],
        bytes: new Uint8Array(3),
      })),
      version: "hybrid",
    }),
  );
  const isMoved = (only?: number[]) =>
    isMovedAlready(metainfo, temp.path, only);
  assertEquals(await isMoved(), false);
  await Deno.mkdir(temp.join("d"));
  assertEquals(await isMoved(), false);
  await Deno.writeFile(temp.join("d/a"), new Uint8Array(3));
  assertEquals(await isMoved([0]), true);
  const first = await assertRejects(() => isMoved(), CommandError);
  assertEquals([first.exitCode, first.code], [6, "already-exists"]);
  const last = metainfo.files.findIndex(({ path }) => path[0] === "b");
  assertEquals(await isMoved([last]), false);
  await Deno.mkdir(temp.join("d/b"));
  await assertRejects(() => isMoved(), CommandError, "d/a already exists");
  await Deno.remove(temp.join("d/b"));
  await Deno.writeFile(temp.join("d/b"), new Uint8Array(3));
  assertEquals(await isMoved(), true);
});
