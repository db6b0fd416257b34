import { assertEquals } from "@std/assert";
import { formatBenchTable } from "../../bench/bench_table.ts";

Deno.test("formatBenchTable - met, missed, not measured, without a target", {
  permissions: "none",
}, () => {
  assertEquals(
    formatBenchTable([
      { name: "a", ours: "1", peer: "2", ratio: 2, target: "1", met: true },
      { name: "b", ours: "1", peer: "2", ratio: 0.5, target: "1", met: false },
      { name: "c", ours: "1", target: "1", note: "no peer" },
      { name: "d", ours: "1" },
    ]),
    [
      "| what | ours | peer         | ratio | target | met          | note    |",
      "| ---- | ---- | ------------ | ----- | ------ | ------------ | ------- |",
      "| a    | 1    | 2            | 2.00  | 1      | yes          |         |",
      "| b    | 1    | 2            | 0.50  | 1      | NO           |         |",
      "| c    | 1    | not measured |       | 1      | not measured | no peer |",
      "| d    | 1    |              |       |        |              |         |",
      "",
    ].join("\n"),
  );
});

Deno.test("formatBenchTable - empty columns go, cells stay in their row", {
  permissions: "none",
}, () => {
  assertEquals(
    formatBenchTable([{ name: "a | b\nc", ours: "é" }]),
    "| what     | ours |\n| -------- | ---- |\n| a \\| b c | é    |\n",
  );
});
