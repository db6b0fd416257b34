import { assertEquals, assertRejects } from "@std/assert";
import { firstThere } from "../../daemon/first_there.ts";
import { TempDir } from "../support/paths.ts";

Deno.test("what is in the way is found, also a link that leads nowhere", async () => {
  await using dir = new TempDir();
  await Deno.mkdir(dir.join("a"));
  await Deno.writeTextFile(dir.join("a/1"), "one");
  await Deno.symlink("nowhere", dir.join("a/2"));
  assertEquals(await firstThere(dir.path, ["b", "a/3"]), undefined);
  assertEquals(await firstThere(dir.path, ["b", "a/2", "a/1"]), "a/2");
  assertEquals(await firstThere(dir.join("none"), ["a/1"]), undefined);
  await assertRejects(() => firstThere(dir.path, ["a/1/x"]));
});
