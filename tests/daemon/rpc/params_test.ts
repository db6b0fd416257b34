import { assertEquals, assertThrows } from "@std/assert";
import { RpcError } from "../../../daemon/rpc/error.ts";
import { checkParams, isRpcMethod } from "../../../daemon/rpc/params.ts";

const permissions = "none";

Deno.test({
  name: "parameters that a method does not take are passed over",
  permissions,
  fn() {
    assertEquals(isRpcMethod("torrent_get"), true);
    assertEquals(isRpcMethod("torrent-get"), false);
    assertEquals(isRpcMethod("toString"), false);
    const given = JSON.parse(
      '{"paused":true,"x":1,"__proto__":1,"labels":null}',
    );
    assertEquals(checkParams("torrent_add", given), { paused: true });
    assertEquals(checkParams("session_stats", { ids: 1 }), {});
    // Nobody removes all torrents with what became null by mistake.
    assertEquals(checkParams("torrent_remove", { ids: null }), { ids: null });
  },
});

Deno.test({
  name: "a parameter of another kind is passed over",
  permissions,
  fn() {
    const good: [string, unknown, unknown][] = [
      ["download_limited", 1, true],
      ["download_limited", 0, false],
      ["download_limited", "true", true],
      ["download_limited", "false", false],
      ["download_limit", -1, -1],
      ["download_limit", true, 1],
      ["seed_ratio_limit", 1.5, 1.5],
      ["seed_ratio_limit", "1.5", 1.5],
      ["files_wanted", [], []],
      ["files_wanted", 3, [3]],
      ["files_wanted", [1.5, 2, "3"], [2]],
      ["labels", ["a", 1], ["a"]],
      ["ids", { any: "thing" }, { any: "thing" }],
      ["group", "", ""],
    ];
    for (const [name, value, read] of good) {
      assertEquals(checkParams("torrent_set", { [name]: value }), {
        [name]: read,
      });
    }
    const bad: [string, unknown][] = [
      ["download_limited", "yes"],
      ["download_limited", 2],
      ["download_limit", 1.5],
      ["download_limit", 2 ** 53],
      ["download_limit", "1"],
      ["seed_ratio_limit", "x"],
      ["seed_ratio_limit", [1]],
      ["files_wanted", "a"],
      ["labels", "a"],
      ["group", 1],
    ];
    for (const [name, value] of bad) {
      assertEquals(checkParams("torrent_set", { [name]: value }), {});
    }
    const error = assertThrows(
      () => checkParams("torrent_set", { labels: Array(200_001).fill("a") }),
      RpcError,
    );
    assertEquals(error.number, -32602);
  },
});
