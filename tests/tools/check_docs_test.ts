import { assert, assertEquals } from "@std/assert";
import { judgeFace, mirrorsOf, moduleDoc } from "../../_tools/check_docs.ts";

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
