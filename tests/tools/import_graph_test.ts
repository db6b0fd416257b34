import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  importGraph,
  judgeRooms,
  MAX_FILES,
} from "../../_tools/import_graph.ts";
import { FOLDER_IMPORTS, ROOM_IMPORTS } from "../../_tools/layers.ts";
import { readSources } from "../../_tools/own_tests.ts";

/** Files of a module `m`, with what each imports. */
function graphOf(files: Readonly<Record<string, readonly string[]>>) {
  return new Map(
    Object.entries(files).map(([name, targets]) => [
      `m/${name}`,
      targets.map((target) => `m/${target}`),
    ]),
  );
}

Deno.test({
  name: "import graph - relative imports of every form are seen, others not",
  permissions: "none",
  fn() {
    const text = `/**
 * import { no } from "./in_a_comment.ts";
 */
import type { A } from "./a.ts";
import { b, type B } from "../_shared/b.ts";
import { crypto } from "@std/crypto";
export * from "./room/c.ts";
const d = await import("./d.ts");
const e = await import(
  "./e.ts"
);
import "./f.ts";
`;
    assertEquals(
      importGraph(new Map([["dht/node.ts", text]])).get("dht/node.ts"),
      [
        "dht/a.ts",
        "_shared/b.ts",
        "dht/room/c.ts",
        "dht/d.ts",
        "dht/e.ts",
        "dht/f.ts",
      ],
    );
  },
});

Deno.test({
  name: "import graph - rooms reach no others through files of the top",
  permissions: "none",
  fn() {
    const rooms = { low: [], high: ["low"] };
    const good = {
      "top.ts": ["high/h.ts", "low/l.ts", "floor.ts"],
      "high/h.ts": ["low/l.ts", "middle.ts"],
      "low/l.ts": ["floor.ts", "low/k.ts"],
      "low/k.ts": ["low/l.ts"],
      "middle.ts": ["low/l.ts", "floor.ts"],
      "floor.ts": [],
    };
    assertEquals(judgeRooms(graphOf(good), "m", rooms), []);
    const cases: [Record<string, string[]>, string][] = [
      [
        { "low/l.ts": ["top.ts"] },
        "m/low/l.ts reaches m/high/h.ts through m/top.ts",
      ],
      [
        { "low/l.ts": ["floor.ts"], "floor.ts": ["middle.ts"] },
        "m/low/l.ts reaches m/low/l.ts",
      ],
      [{ "low/k.ts": ["floor.ts"], "floor.ts": ["low/l.ts"] }, "m/low/k.ts"],
      [{ "low/k.ts": ["high/h.ts"] }, "m/low/k.ts reaches m/high/h.ts"],
      [{ "high/h.ts": [], "middle.ts": [] }, "m/high/ does not use low/"],
    ];
    for (const [change, expected] of cases) {
      assertStringIncludes(
        judgeRooms(graphOf({ ...good, ...change }), "m", rooms).join("\n"),
        expected,
      );
    }
    assertStringIncludes(
      judgeRooms(graphOf(good), "m", { ...rooms, other: [] }).join("\n"),
      "m/other/ does not exist",
    );
    assertStringIncludes(
      judgeRooms(graphOf(good), "m", { low: ["high"], high: ["low"] }).join(),
      "in a circle",
    );
  },
});

Deno.test({
  name: `import graph - a folder shows ${MAX_FILES} files at most`,
  permissions: "none",
  fn() {
    const files: Record<string, string[]> = {};
    for (let i = 0; i < MAX_FILES; i++) {
      files[`f${i}.ts`] = [];
      files[`room/f${i}.ts`] = [];
    }
    assertEquals(judgeRooms(graphOf(files), "m", { room: [] }), []);
    for (const more of ["one_more.ts", "room/one_more.ts"]) {
      assertStringIncludes(
        judgeRooms(graphOf({ ...files, [more]: [] }), "m", { room: [] }).join(),
        `shows ${MAX_FILES + 1} files`,
      );
    }
  },
});

Deno.test({
  name: "import graph - the rooms of this checkout",
  permissions: { read: true },
  async fn() {
    const graph = importGraph(
      await readSources(new URL("../../", import.meta.url)),
    );
    assertEquals(
      Object.keys(ROOM_IMPORTS).sort(),
      Object.keys(FOLDER_IMPORTS).sort(),
    );
    assertEquals(
      Object.entries(ROOM_IMPORTS).flatMap(([module, rooms]) =>
        judgeRooms(graph, module, rooms)
      ),
      [],
    );
  },
});
