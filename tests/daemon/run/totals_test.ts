import { assertEquals } from "@std/assert";
import { addTotals } from "../../../daemon/run/totals.ts";

const NOW = {
  downloadedBytes: 1,
  uploadedBytes: 2,
  torrentsAdded: 3,
  runs: 1,
  activeMs: 5,
};

Deno.test("totals are those of this run and of the earlier ones", {
  permissions: "none",
}, () => {
  assertEquals(addTotals({}, NOW), NOW);
  assertEquals(
    addTotals({
      downloadedBytes: 10,
      uploadedBytes: 20,
      torrentsAdded: 30,
      runs: 40,
      activeMs: 50,
    }, NOW),
    {
      downloadedBytes: 11,
      uploadedBytes: 22,
      torrentsAdded: 33,
      runs: 41,
      activeMs: 55,
    },
  );
  // What makes no sense counts for nothing.
  assertEquals(
    addTotals({
      downloadedBytes: -5,
      uploadedBytes: "x",
      runs: null,
      torrentsAdded: Infinity,
      more: 1,
    }, NOW),
    NOW,
  );
  assertEquals(addTotals({ downloadedBytes: 0, runs: 0 }, NOW), NOW);
});
