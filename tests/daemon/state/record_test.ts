import { assertEquals } from "@std/assert";
import { newRecord } from "../../../daemon/state/record.ts";

Deno.test("a record begins with nothing done, to run, with the goals of all", {
  permissions: "none",
}, () => {
  const {
    seedRatio,
    seedMinutes,
    seedIdleMinutes,
    downloadLimit,
    uploadLimit,
    ...record
  } = newRecord("/d", 7);
  assertEquals(record, {
    dir: "/d",
    labels: [],
    wanted: true,
    forced: false,
    addedAt: 7,
    downloadingMs: 0,
    seedingMs: 0,
    downloadedBytes: 0,
    uploadedBytes: 0,
    honorsSessionLimits: true,
    group: "",
    bandwidthPriority: 0,
    sequential: false,
  });
  for (const { mode } of [seedRatio, seedMinutes, seedIdleMinutes]) {
    assertEquals(mode, "global");
  }
  for (const { enabled } of [downloadLimit, uploadLimit]) {
    assertEquals(enabled, false);
  }
});
