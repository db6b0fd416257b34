import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  judgeOwnTests,
  readSources,
  type TestedThrough,
  untested,
} from "../../_tools/own_tests.ts";
import list from "../../_tools/tested_through.json" with { type: "json" };

const root = new URL("../../", import.meta.url);

const checkout = new Map([
  ["dht/mod.ts", 'export * from "./node.ts";'],
  ["dht/node.ts", 'import { a } from "./table/bucket.ts";\nexport class N {}'],
  ["dht/table/bucket.ts", "export const a = 1;"],
  ["dht/table/slab.ts", "export function slab() {}"],
  ["dht/table/types.ts", "export interface T { readonly a: number }"],
  ["dht/lost.ts", "export const lost = 1;"],
  ["tests/dht/node_test.ts", 'import { N } from "../../dht/mod.ts";'],
  ["tests/dht/table/room_test.ts", 'import "../../../dht/table/slab.ts";'],
]);

Deno.test({
  name: "own tests - a test of the same name, or one that imports the file",
  permissions: "none",
  fn() {
    assertEquals(untested(checkout), ["dht/table/bucket.ts", "dht/lost.ts"]);
    const named = new Map(checkout)
      .set("tests/dht/lost_hostile_test.ts", "");
    assertEquals(untested(named), ["dht/table/bucket.ts"]);
  },
});

Deno.test({
  name: "own tests - what is tested through others is listed, and truly so",
  permissions: "none",
  fn() {
    const through = "tests/dht/node_test.ts";
    const cases: [TestedThrough, string[]][] = [
      [{}, ["dht/table/bucket.ts has no test", "dht/lost.ts has no test"]],
      [{ [through]: ["dht/table/bucket.ts"] }, ["dht/lost.ts has no test"]],
      [
        { [through]: ["dht/table/bucket.ts", "dht/lost.ts"] },
        [`${through} does not come to dht/lost.ts`],
      ],
      [
        { [through]: ["dht/table/bucket.ts", "dht/node.ts"] },
        ["dht/node.ts needs no entry", "dht/lost.ts has no test"],
      ],
      [
        { [through]: ["dht/table/bucket.ts", "dht/table/bucket.ts"] },
        ["bucket.ts is listed twice", "dht/lost.ts has no test"],
      ],
      [
        { "tests/dht/gone_test.ts": ["dht/table/bucket.ts"] },
        ["gone_test.ts does not come to", "dht/lost.ts has no test"],
      ],
    ];
    for (const [entries, expected] of cases) {
      const problems = judgeOwnTests(checkout, entries);
      assertEquals(problems.length, expected.length, problems.join("\n"));
      for (const text of expected) {
        assertStringIncludes(problems.join("\n"), text);
      }
    }
  },
});

Deno.test({
  name: "own tests - every source file of this checkout",
  permissions: { read: true },
  async fn() {
    const texts = await readSources(root);
    assert(texts.has("client/session.ts") && texts.has("mod.ts"));
    assertEquals(judgeOwnTests(texts, list), []);
  },
});
