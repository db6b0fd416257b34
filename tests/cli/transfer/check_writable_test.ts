import { assertEquals, assertStringIncludes } from "@std/assert";
import { runBip } from "../../support/bip.ts";
import { TempDir } from "../../support/paths.ts";

Deno.test({
  name: "bip download - what cannot be written is told before a peer is there",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using dir = new TempDir();
    await Deno.writeFile(dir.join("a"), new Uint8Array(9));
    const torrent = dir.join("a.torrent");
    assertEquals(
      (await runBip(["create", dir.join("a"), "-o", torrent])).code,
      0,
    );
    const download = (folder: string, ...args: string[]) =>
      runBip([
        ...["download", torrent, "-o", folder, "--listen", "127.0.0.1"],
        ...["--port", "0", "--no-trackers", ...args],
      ], { permissions: ["-A"] });
    // Nobody makes a file there, root included.
    const { code, stderr } = await download("/proc");
    assertEquals(code, 6, stderr);
    assertStringIncludes(stderr, "Cannot write to /proc");
    const out = dir.join("out");
    assertEquals((await download(out, "--timeout", "1")).code, 5);
    const left = [...Deno.readDirSync(out)].map(({ name }) => name);
    assertEquals(left.filter((name) => !name.endsWith(".bip-resume")), []);
    // Narrow permissions do, and several may try at once.
    const permissions = [
      "--allow-net",
      `--allow-read=${torrent},${out}`,
      `--allow-write=${out}`,
    ];
    const results = await Promise.all([1, 2].map(() =>
      runBip([
        ...["download", torrent, "-o", out, "--listen", "127.0.0.1"],
        ...["--port", "0", "--no-trackers", "--timeout", "1"],
      ], { permissions })
    ));
    for (const { code, stderr } of results) assertEquals(code, 5, stderr);
  },
});
