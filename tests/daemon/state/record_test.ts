import { assertEquals, assertThrows } from "@std/assert";
import {
  newRecord,
  orderOf,
  readRecord,
} from "../../../daemon/state/record.ts";

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

Deno.test(
  "a record that is damaged, or of another version, has what is usual",
  {
    permissions: "none",
  },
  () => {
    const usual = newRecord("/d", 0);
    const own = {
      ...newRecord("/d", 7),
      labels: ["a"],
      name: "n",
      sequential: true,
      sequentialFrom: 4,
      seedRatio: { mode: "own", value: 2 } as const,
      bandwidthPriority: -1 as const,
      removing: true as const,
    };
    assertEquals(readRecord(JSON.parse(JSON.stringify(own))), own);
    assertEquals(orderOf(own), 4);
    assertEquals(
      readRecord({
        dir: "/d",
        labels: [1],
        wanted: "yes",
        addedAt: null,
        seedRatio: { mode: "own" },
        downloadLimit: null,
        uploadLimit: [],
        bandwidthPriority: 7,
        name: 5,
        moving: null,
        doneAt: "x",
        other: 1,
      }),
      usual,
    );
    for (const value of [null, 5, {}, { dir: "" }, { dir: 7 }]) {
      assertThrows(() => readRecord(value), TypeError, "where its files are");
    }
  },
);
