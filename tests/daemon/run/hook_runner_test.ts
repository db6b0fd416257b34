import { assertEquals, assertStringIncludes } from "@std/assert";
import { HookRunner } from "../../../daemon/run/hook_runner.ts";
import { TempDir } from "../../support/paths.ts";

const FACTS = {
  id: 1,
  infoHash: "ab",
  name: "$(touch x) `y`",
  dir: "/d",
  labels: [],
  size: 1,
};

/** A program that writes its arguments and name, waits for a file, and ends with 3. */
const PROGRAM = `
const [out, wait] = Deno.args;
Deno.writeTextFileSync(out + "." + Deno.pid, JSON.stringify([Deno.args, Deno.env.get("TR_TORRENT_NAME")]));
while (wait !== undefined) { try { Deno.statSync(wait); break; } catch { await new Promise((r) => setTimeout(r, 5)); } }
Deno.exit(3);
`;

async function program(dir: TempDir): Promise<string[]> {
  const path = dir.join("program.ts");
  await Deno.writeTextFile(path, PROGRAM);
  return [Deno.execPath(), "run", "-A", "--no-config", path];
}

Deno.test("a program gets its arguments as they are and the torrent by variables", async () => {
  await using dir = new TempDir();
  const argv = [...await program(dir), dir.join("out")];
  assertEquals(await new HookRunner().run(argv, FACTS), { code: 3 });
  const [name] = [...Deno.readDirSync(dir.path)].map(({ name }) => name).filter(
    (name) => name.startsWith("out."),
  );
  assertEquals(JSON.parse(await Deno.readTextFile(dir.join(name!))), [[
    dir.join("out"),
  ], FACTS.name]);
});

Deno.test("a program that is not there is told of", async () => {
  const result = await new HookRunner().run(["/none/such"], FACTS);
  assertEquals(result?.code, undefined);
  assertStringIncludes(result!.message!, "/none/such");
});

Deno.test("four programs run at a time; after the end none begins", async () => {
  await using dir = new TempDir();
  const argv = [...await program(dir), dir.join("out"), dir.join("go")];
  const hooks = new HookRunner();
  const results = Array.from({ length: 6 }, () => hooks.run(argv, FACTS));
  assertEquals(hooks.running, 4);
  hooks.close();
  await Deno.writeTextFile(dir.join("go"), "");
  assertEquals((await Promise.all(results)).map((result) => result?.code), [
    3,
    3,
    3,
    3,
    undefined,
    undefined,
  ]);
  assertEquals(hooks.running, 0);
  assertEquals(
    [...Deno.readDirSync(dir.path)].filter(({ name }) =>
      name.startsWith("out.")
    ).length,
    4,
  );
});
