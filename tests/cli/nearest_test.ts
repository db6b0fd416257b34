import { assertEquals } from "@std/assert";
import { nearest } from "../../cli/nearest.ts";

Deno.test({
  name: "nearest - finds what was meant, and nothing far away",
  permissions: "none",
  fn() {
    const words = ["create", "info", "magnet", "verify", "piece-length"];
    const cases: [string, string | undefined][] = [
      ["creat", "create"],
      ["crate", "create"],
      ["verfy", "verify"],
      ["magent", "magnet"],
      ["inf", "info"],
      ["piece-lenght", "piece-length"],
      ["peice-length", "piece-length"],
      ["zzz", undefined],
      ["", undefined],
      ["x".repeat(1000), undefined],
    ];
    for (const [typed, expected] of cases) {
      assertEquals(nearest(typed, words), expected, typed);
    }
  },
});
