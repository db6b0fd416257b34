import { assert, assertEquals, assertMatch } from "@std/assert";
import { runBip, startBip } from "../../support/bip.ts";
import { TempDir } from "../../support/paths.ts";
import { writePayload } from "../../support/payload.ts";
import { SocksProxy } from "../../support/socks_proxy.ts";

Deno.test("--proxy: peers, trackers and URLs by name, with the permissions help names", async () => {
  await using temp = new TempDir();
  await writePayload(temp.path, { "a.bin": 100_000 });
  const torrent = temp.join("a.torrent");
  await using socks = new SocksProxy({ login: "user:secret1" });
  const announces: URLSearchParams[] = [];
  await using web = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen() {},
  }, async (request) => {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/a.torrent") {
      return new Response(await Deno.readFile(torrent));
    }
    announces.push(searchParams);
    return new Response("d8:intervali900e5:peers0:e");
  });
  const origin = `http://web.example:${web.addr.port}`;
  const made = await runBip([
    "create",
    temp.join("a.bin"),
    "-o",
    torrent,
    "--tracker",
    `${origin}/announce`,
  ]);
  assertEquals(made.code, 0, made.stderr);
  await using seeder = startBip([
    "seed",
    torrent,
    temp.path,
    "--listen",
    "127.0.0.1",
    "--port",
    "0",
    "--no-trackers",
    "--json",
  ], { permissions: ["--allow-net", `--allow-read=${temp.path}`] });
  const { port } = await seeder.line("listening");
  const result = await runBip([
    "download",
    `${origin}/a.torrent`,
    "-o",
    temp.join("out"),
    "--peer",
    `peer.example:${port}`,
    "--timeout",
    "60",
    "--proxy",
    socks.url,
    "--anonymous",
    "--no-dht",
  ], {
    permissions: [
      "--allow-net",
      `--allow-read=${temp.path}`,
      `--allow-write=${temp.path}`,
    ],
  });
  assertEquals(result.code, 0, result.stderr);
  assertMatch(
    result.stderr,
    /With this proxy there is no local discovery, no listening/,
  );
  assert(
    !`${JSON.stringify(result.lines)}${result.stderr}`.includes("secret1"),
  );
  const targets = new Set(socks.requests);
  assert(targets.has(`connect web.example:${web.addr.port}`));
  assert(targets.has(`connect peer.example:${port}`));
  assertEquals(announces[0]!.get("port"), "0");
  assert(!announces[0]!.get("peer_id")!.startsWith("-DB"));
});

Deno.test("--bind is an address or interface of this machine, and says where to listen", async () => {
  const permissions = ["--allow-net", "--allow-sys=networkInterfaces"];
  const run = (...args: string[]) =>
    runBip(["download", "0".repeat(40), ...args], { permissions });
  const nowhere = await run("--bind", "nowhere0");
  assertEquals(nowhere.code, 2, nowhere.stderr);
  assertMatch(nowhere.stderr, /--bind: .*"nowhere0": this machine has no such/);
  const both = await run("--bind", "127.0.0.1", "--listen", "127.0.0.1");
  assertEquals(both.code, 2, both.stderr);
  assertMatch(both.stderr, /Give --bind or --listen/);
});

Deno.test("--proxy and --proxy-for are checked, the password not repeated", async () => {
  for (
    const args of [
      ["--proxy", "socks4://u:secret1@h:1"],
      ["--proxy", "socks5://u:secret1@h:1", "--proxy-for", "peers,all"],
      ["--proxy-for", "peers"],
    ]
  ) {
    const { code, stderr } = await runBip([
      "download",
      "0".repeat(40),
      ...args,
    ]);
    assertEquals(code, 2, stderr);
    assertMatch(stderr, /--proxy/);
    assert(!stderr.includes("secret1"));
  }
});
