import { assertEquals } from "@std/assert";
import { hookEnvironment } from "../../../daemon/run/hook_runner.ts";

const none = { permissions: "none" } as const;

Deno.test(
  "a program is told of a torrent in variables without control characters",
  none,
  () => {
    assertEquals(
      hookEnvironment({
        id: 7,
        infoHash: "ab",
        name: "a\0b\nc\x7f\x9b; rm -rf $HOME",
        dir: "/d",
        labels: ["x", "y"],
        size: 9,
      }),
      {
        TR_TORRENT_ID: "7",
        TR_TORRENT_HASH: "ab",
        TR_TORRENT_NAME: "a_b_c__; rm -rf $HOME",
        TR_TORRENT_DIR: "/d",
        TR_TORRENT_LABELS: "x,y",
        TR_TORRENT_BYTES: "9",
      },
    );
    const long = hookEnvironment({
      id: 1,
      infoHash: "",
      name: "n".repeat(40_000),
      dir: "",
      labels: [],
      size: 0,
    });
    assertEquals(long.TR_TORRENT_NAME!.length, 32_768);
  },
);
