import { assert, assertEquals } from "@std/assert";
import {
  checkDocs,
  judgeFace,
  judgeGuide,
  mirrorsOf,
  moduleDoc,
} from "../../_tools/check_docs.ts";
import { TempDir } from "../support/paths.ts";

const good = `/**
 * A module.
 *
 * | BEP | Supported |
 * | --- | --- |
 * | 5 | yes |
 *
 * Permissions: none.
 *
 * @example
 * \`\`\`ts
 * import { a } from "@bip/bip/dht";
 * import { assertEquals } from "@std/assert";
 * assertEquals(a, 1);
 * \`\`\`
 *
 * @module
 */
export * from "./a.ts";
`;

Deno.test({
  name: "check docs - a complete module doc passes",
  permissions: "none",
  fn() {
    assertEquals(judgeFace(good, "@bip/bip/dht"), []);
    assert(moduleDoc(good)!.includes("A module."));
  },
});

Deno.test({
  name: "check docs - each missing part is named",
  permissions: "none",
  fn() {
    const cases: [string, string][] = [
      [good.replace("@module", ""), "module doc"],
      ['export * from "./a.ts";', "module doc"],
      [good.replaceAll("```", "'''"), "no example"],
      [good.replace("```ts", "```ts ignore"), "ignored"],
      [good.replace("bip/dht", "bip/lpd"), "does not import"],
      [good.replace(" * assertEquals(a, 1);\n", ""), "asserts nothing"],
      [good.replace("| BEP |", "| Proposal |"), "BEP table"],
      [good.replace("Permissions: none.", ""), "permissions"],
    ];
    for (const [source, expected] of cases) {
      const problems = judgeFace(source, "@bip/bip/dht");
      assert(
        problems.some((problem) => problem.includes(expected)),
        `${expected}: ${problems}`,
      );
    }
  },
});

Deno.test({
  name: "check docs - tests mirror sources",
  permissions: "none",
  fn() {
    assert(mirrorsOf("dht/krpc_test.ts").includes("dht/krpc.ts"));
    assert(mirrorsOf("dht/krpc_hostile_test.ts").includes("dht/krpc.ts"));
    assert(mirrorsOf("dht/table_test.ts").includes("dht/_table.ts"));
    assert(mirrorsOf("tools/launch_test.ts").includes("_tools/launch.ts"));
    assert(mirrorsOf("_shared/bytes_test.ts").includes("_shared/bytes.ts"));
    assertEquals(mirrorsOf("sim/dht_test.ts"), []);
    assertEquals(mirrorsOf("fuzz/fuzz_test.ts"), []);
    assert(!mirrorsOf("dht/krpc_test.ts").includes("lpd/krpc.ts"));
  },
});

Deno.test("check docs - a checkout with one fault of each kind", async () => {
  await using temp = new TempDir();
  const folder = temp.path;
  const write = async (name: string, text: string) => {
    const path = `${folder}/${name}`;
    await Deno.mkdir(path.replace(/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(path, text);
  };
  await write(
    "deno.json",
    JSON.stringify({
      name: "@bip/bip",
      exports: {
        "./dht": "./dht/mod.ts",
        "./lpd": "./lpd/mod.ts",
        "./peer": "./peer/mod.ts",
      },
    }),
  );
  await write("dht/mod.ts", good);
  await write("dht/a.ts", "");
  await write("dht/picker_peers.ts", "");
  await write("lpd/mod.ts", "");
  await write("docs/guide.md", "```ts\na();\n```\n");
  await write("tests/dht/a_test.ts", "");
  await write("tests/dht/a_hostile_test.ts", "");
  await write("tests/dht/picker_model_test.ts", "");
  await write("tests/dht/b_test.ts", "");
  await write("tests/nowhere/c_test.ts", "");
  await write("tests/sim/d_test.ts", "");
  assertEquals(
    (await checkDocs(
      new URL(`file:///${folder.replaceAll("\\", "/").replace(/^\//, "")}/`),
    )).sort(),
    [
      "./lpd/mod.ts has no module doc with @module",
      "./peer/mod.ts is exported but missing",
      "docs/guide.md has a block that asserts nothing in line 1",
      "tests/dht/b_test.ts mirrors no source file",
      "tests/nowhere/c_test.ts mirrors no source file",
    ],
  );
});

Deno.test({
  name: "check docs - every block of a guide asserts and is run",
  permissions: "none",
  fn() {
    const block = "# A\n\n```ts\nassert(true);\n```\n\n```sh\nls\n```\n";
    assertEquals(judgeGuide(block), []);
    const cases: [string, string][] = [
      [block.replace("```ts", "```ts ignore"), "ignored in line 3"],
      [block.replace("assert(true)", "a()"), "asserts nothing in line 3"],
      [block.replace("```ts", "```js"), "of js in line 3"],
    ];
    for (const [text, expected] of cases) {
      const problems = judgeGuide(text);
      assertEquals(problems.length, 1, expected);
      assert(problems[0]!.includes(expected), problems[0]);
    }
  },
});
