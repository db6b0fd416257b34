import { assert, assertEquals, assertRejects } from "@std/assert";
import { DaemonError } from "../../../daemon/error.ts";
import { freeSpace } from "../../../daemon/run/upkeep.ts";
import { TempDir } from "../../support/paths.ts";

Deno.test("freeSpace() looks at the nearest folder there is", async () => {
  await using temp = new TempDir();
  const dir = temp.path;
  const here = await freeSpace(dir);
  assert(here.free > 0 && here.total >= here.free && here.exists);
  const { total, exists } = await freeSpace(`${dir}/not/there`);
  assertEquals([total, exists], [here.total, false]);
  await Deno.writeTextFile(`${dir}/file`, "");
  const error = await assertRejects(
    () => freeSpace(`${dir}/file/below`),
    DaemonError,
  );
  assertEquals(error.code, "not-found");
  await assertRejects(() => freeSpace("relative-and-missing"), DaemonError);
});
