import { assertThrows } from "@std/assert";
import {
  checkCreateOptions,
  checkPieceLength,
} from "../../metainfo/create_check.ts";
import type { CreateMetainfoOptions } from "../../metainfo/create_options.ts";

const MIB = 2 ** 20;

Deno.test({
  name: "checkPieceLength() takes what the format allows, and no more",
  permissions: "none",
  fn() {
    for (const version of ["v1", "v2", "hybrid"] as const) {
      for (const good of [16384, 32768, MIB, 256 * MIB]) {
        checkPieceLength(good, version);
      }
      for (
        const bad of [
          0,
          -16384,
          1,
          8192,
          16383,
          16385,
          257 * MIB,
          512 * MIB,
          NaN,
        ]
      ) {
        assertThrows(() => checkPieceLength(bad, version), RangeError);
      }
    }
    checkPieceLength(49152, "v1");
    assertThrows(() => checkPieceLength(49152, "v2"), RangeError);
    assertThrows(() => checkPieceLength(49152, "hybrid"), RangeError);
  },
});

const BAD: [Partial<CreateMetainfoOptions>, "TypeError" | "RangeError"][] = [
  [{ version: "v3" as "v2" }, "TypeError"],
  [{ trackers: [["no url"]] }, "TypeError"],
  [{ webSeeds: [""] }, "TypeError"],
  [{ nodes: [{ hostname: "", port: 1 }] }, "RangeError"],
  [{ nodes: [{ hostname: "h", port: 0 }] }, "RangeError"],
  [{ nodes: [{ hostname: "h", port: 65536 }] }, "RangeError"],
  [{ creationDate: -1 }, "RangeError"],
  [{ creationDate: 1.5 }, "RangeError"],
  [{ pieceLength: 1000 }, "RangeError"],
  [{ extra: { info: 1 } }, "TypeError"],
  [{ extra: { announce: "x" } }, "TypeError"],
  [{ extraInfo: { pieces: "" } }, "TypeError"],
];

for (const [bad, name] of BAD) {
  Deno.test({
    name: `checkCreateOptions() refuses ${JSON.stringify(bad)}`,
    permissions: "none",
    fn() {
      const error = assertThrows(() =>
        checkCreateOptions({ inputs: [], ...bad })
      ) as Error;
      if (error.name !== name) throw error;
    },
  });
}

Deno.test({
  name: "checkCreateOptions() takes the ends of every range",
  permissions: "none",
  fn() {
    checkCreateOptions({
      inputs: [],
      creationDate: 0,
      nodes: [{ hostname: "h", port: 1 }, { hostname: "h", port: 65535 }],
      extra: { other: 1 },
      extraInfo: { other: 1 },
      trackers: [["udp://t:1/announce", "wss://t/"], []],
    });
  },
});
