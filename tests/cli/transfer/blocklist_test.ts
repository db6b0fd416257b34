import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runBip, startBip } from "../../support/bip.ts";
import { TempDir } from "../../support/paths.ts";
import { writePayload } from "../../support/payload.ts";
import { ALONE, downloadArgs } from "../../support/transfer.ts";

Deno.test("--blocklist keeps peers away until SIGHUP brings another list", async () => {
  await using temp = new TempDir();
  await writePayload(temp.path, { "a.bin": 100_000 });
  const torrent = temp.join("a.torrent");
  const list = temp.join("list.p2p");
  const made = await runBip(["create", temp.join("a.bin"), "-o", torrent]);
  assertEquals(made.code, 0, made.stderr);
  await Deno.writeTextFile(list, "Loopback:127.0.0.0-127.255.255.255\n");
  await using seeder = startBip(
    ["seed", torrent, temp.path, ...ALONE, "--json", "--blocklist", list],
    { permissions: ["--allow-net", `--allow-read=${temp.path}`] },
  );
  const { port } = await seeder.line("listening");
  const download = (out: string, timeout: string) =>
    runBip(
      downloadArgs(torrent, temp.join(out), port, "--timeout", timeout),
    );
  const refused = await download("one", "2");
  assertEquals(refused.code, 5, refused.stderr);
  if (Deno.build.os === "windows") return;
  await Deno.writeTextFile(list, "Elsewhere:192.0.2.0-192.0.2.255\n");
  seeder.kill("SIGHUP");
  const taken = await download("two", "60");
  assertEquals(taken.code, 0, taken.stderr);
});

Deno.test("--blocklist by URL, and lists that are none", async () => {
  await using temp = new TempDir();
  await writePayload(temp.path, { "a.bin": 1000 });
  const torrent = temp.join("a.torrent");
  await runBip(["create", temp.join("a.bin"), "-o", torrent]);
  await using server = Deno.serve(
    {
      hostname: "127.0.0.1",
      port: 0,
      onListen() {},
    },
    (request) =>
      new URL(request.url).pathname === "/list"
        ? new Response("127.0.0.1\n")
        : new Response("<html>", {
          status: request.url.includes("gone") ? 404 : 200,
        }),
  );
  const origin = `http://127.0.0.1:${server.addr.port}`;
  const run = (list: string) =>
    runBip([
      ...downloadArgs(torrent, temp.join("out"), 9),
      ...["--timeout", "1", "--blocklist", list],
    ], {
      permissions: [
        "--allow-net",
        `--allow-read=${temp.path}`,
        `--allow-write=${temp.path}`,
      ],
    });
  const good = await run(`${origin}/list`);
  assertEquals(good.code, 5);
  assertStringIncludes(good.stderr, "0 known");
  for (
    const [list, wrong] of [
      [`${origin}/gone?key=secret1`, /gone: the server answered 404/],
      [`${origin}/page`, /page: The block list contains no addresses/],
      [temp.join("missing"), /missing/],
      [temp.path, /folder/],
    ] as const
  ) {
    const { code, stderr } = await run(list);
    assertEquals(code, 6, stderr);
    assertMatch(stderr, wrong);
    assertEquals(stderr.includes("secret1"), false);
  }
});
