import { assertEquals, assertThrows } from "@std/assert";
import { DaemonError } from "../../../daemon/error.ts";
import { allowedDir } from "../../../daemon/rules/allowed_dir.ts";

const none = { permissions: "none" } as const;

Deno.test("folders become absolute and plain", none, () => {
  assertEquals(allowedDir("a/./b//", () => "/home/me"), "/home/me/a/b");
  assertEquals(allowedDir("../x", () => "/home/me"), "/home/x");
  assertEquals(allowedDir("/a/../../b/", () => "/"), "/b");
  assertEquals(allowedDir("/", () => "/x"), "/");
  assertEquals(allowedDir("a\\b", () => "/x"), "/x/a\\b");
  assertEquals(allowedDir("C:\\a\\..\\b", () => "C:/"), "C:/b");
});

Deno.test("a folder must lie below an allowed one", none, () => {
  const roots = ["/srv/torrents/", "/mnt"];
  for (
    const dir of ["/srv/torrents", "/srv/torrents/a", "/mnt/x/../y", "sub"]
  ) {
    allowedDir(dir, () => "/srv/torrents", roots);
  }
  for (
    const dir of [
      "/srv",
      "/srv/torrents2",
      "/srv/torrents/../etc",
      "/mntx",
      "../x",
      "",
      "/mnt/\0",
    ]
  ) {
    const error = assertThrows(
      () => allowedDir(dir, () => "/srv/torrents", roots),
      DaemonError,
    );
    assertEquals(error.code, "bad-setting");
  }
  assertEquals(allowedDir("/etc", () => "/", ["/"]), "/etc");
});
