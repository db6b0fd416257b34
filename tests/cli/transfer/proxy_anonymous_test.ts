import { assert, assertEquals } from "@std/assert";
import { MainlineDht } from "../../../dht/mod.ts";
import { UdpTrackerServer } from "../../../utracker/mod.ts";
import { runBip, startBip } from "../../support/bip.ts";
import { TempDir } from "../../support/paths.ts";
import { writePayload } from "../../support/payload.ts";
import { SocksProxy } from "../../support/socks_proxy.ts";

/** Whatever tells of us: client, version, runtime, peer id, local address. */
const TRACES = {
  client: /bip/i,
  version: /0\.1\.0/,
  runtime: /deno/i,
  "peer id": /-DB\d{4}-/,
  "DHT client": /1:v4:/,
  address: /[?&]ip(v[46])?=|6:yourip|4:ipv[46]/,
} as const;

Deno.test("--anonymous: no byte of what is sent tells who we are", async () => {
  await using temp = new TempDir();
  await writePayload(temp.path, { "a.bin": 100_000 });
  const torrent = temp.join("a.torrent");
  await using udp = await UdpTrackerServer.open({
    listen: { hostname: "127.0.0.1", port: 0 },
  });
  await using dht = await MainlineDht.open({
    hostname: "127.0.0.1",
    bootstrap: [],
  });
  await using web = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen() {},
  }, async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/a.torrent") {
      return new Response(await Deno.readFile(torrent));
    }
    // So that the UDP tracker is asked as well.
    return new Response(null, { status: 404 });
  });
  const origin = `http://web.example:${web.addr.port}`;
  const made = await runBip([
    ...["create", temp.join("a.bin"), "-o", torrent],
    ...["--tracker", `${origin}/announce`],
    ...["--tracker", `udp://tracker.example:${udp.locals[0]!.port}/announce`],
  ]);
  assertEquals(made.code, 0, made.stderr);
  await using seeder = startBip([
    ...["seed", torrent, temp.path, "--listen", "127.0.0.1", "--port", "0"],
    ...["--no-trackers", "--no-dht", "--json"],
  ]);
  const { port } = await seeder.line("listening");
  const traces = async (...args: string[]) => {
    await using socks = new SocksProxy();
    const { code, stderr } = await runBip([
      ...["download", `${origin}/a.torrent`, "-o", temp.join(`out${args}`)],
      ...["--peer", `127.0.0.1:${port}`, "--encryption", "off"],
      ...["--dht-node", `127.0.0.1:${dht.locals[0]!.port}`],
      ...["--web-seed", `${origin}/seed/a.bin`, "--down-limit", "30K"],
      ...["--timeout", "60", "--proxy", socks.url, ...args],
    ]);
    assertEquals(code, 0, stderr);
    const { said } = socks;
    for (
      const part of [
        "GET /a.torrent",
        "GET /announce?",
        "GET /seed/a.bin",
        "BitTorrent protocol",
        "ut_metadata",
        "1:y1:q",
      ]
    ) assert(said.includes(part), `${part} was seen`);
    assert(socks.requests.some((text) => text.startsWith("datagram tracker.")));
    // The name of the torrent's own server is none of ours.
    const own = said.replaceAll("web.example", "");
    return Object.entries(TRACES).filter(([, text]) => text.test(own))
      .map(([name]) => name);
  };
  assertEquals(await traces("--anonymous"), []);
  const named = await traces();
  assertEquals(named, Object.keys(TRACES).filter((name) => name !== "runtime"));
});
