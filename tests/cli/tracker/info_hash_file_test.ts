import { assertEquals, assertRejects } from "@std/assert";
import { InfoHashFile } from "../../../cli/tracker/info_hash_file.ts";
import { CommandError } from "../../../cli/error.ts";
import type { InfoHashList } from "../../../tracker/swarm_service.ts";
import { TempDir } from "../../support/paths.ts";

Deno.test("InfoHashFile keeps the list in force that it could read last", async () => {
  await using temp = new TempDir();
  const path = temp.join("list");
  const [a, b] = ["a".repeat(40), "b".repeat(40)];
  const lists: InfoHashList[] = [];
  const errors: string[] = [];
  const open = () =>
    InfoHashFile.open(
      path,
      (list) => lists.push(list),
      (message) => errors.push(message),
    );
  const missing = await assertRejects(open, CommandError);
  assertEquals([missing.code, missing.exitCode], ["not-found", 6]);
  await Deno.writeTextFile(path, "no hash");
  assertEquals((await assertRejects(open, CommandError)).exitCode, 2);
  assertEquals(lists, []);

  await Deno.writeTextFile(path, `${a}\n`);
  using file = await open();
  const sizes = () => lists.map(({ size }) => size);
  assertEquals(sizes(), [1]);
  await Deno.writeTextFile(path, `${a}\n${b}\n`);
  await file.reload();
  assertEquals([sizes(), errors], [[1, 2], []]);
  await Deno.writeTextFile(path, "no hash");
  await file.reload();
  await Deno.remove(path);
  await file.reload();
  assertEquals(sizes(), [1, 2]);
  assertEquals(errors.length, 2);
  assertEquals(errors.map((line) => line.includes(path)), [true, true]);
});
