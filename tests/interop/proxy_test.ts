// Downloads through danted and an HTTP proxy, on a host whose every other packet
// is counted.
import { assert, assertEquals } from "@std/assert";
import type { Child } from "../support/process.ts";
import { netnsProblem } from "../support/netns.ts";
import { atOnce } from "./discovery.ts";
import { interopTest, type Program } from "./programs.ts";
import { FAR, LOGIN, OURS, ProxyNet, WORLD } from "./proxy_net.ts";
import { Scene } from "./scene.ts";

const SOCKS = `socks5://${LOGIN}@10.77.0.2:1080`;
const HTTP = `http://${LOGIN}@10.77.0.2:3128`;

const problem = await netnsProblem();

function proxyTest(
  name: string,
  programs: readonly Program[],
  run: (net: ProxyNet) => Promise<void>,
): void {
  if (problem !== undefined && Deno.env.get("BIP_REQUIRE_PEERS") !== "1") {
    Deno.test({ name: `${name} (skipped: ${problem})`, ignore: true, fn() {} });
    return;
  }
  interopTest(name, ["libtorrent", "nft", "ip", ...programs], async () => {
    await using net = await ProxyNet.open();
    await run(net);
  });
}

/** Starts a download on our host. */
function startDownload(
  net: ProxyNet,
  source: string,
  dir: string,
  ...args: string[]
): Child {
  return net.startBip(
    OURS,
    ...["download", source, "-o", dir, "--json", "--no-pex"],
    ...["--timeout", "40", ...args],
  );
}

/** A torrent, and a way to its seeder in the world. */
interface Route {
  readonly name: string;
  readonly scene: Scene;
  /** Options of `bip download`. */
  readonly args: readonly string[];
}

const NO_DHT = ["--no-dht"];

/** Checks that all is fetched, and that nothing went elsewhere. */
async function downloadAll(
  net: ProxyNet,
  proxy: string,
  routes: readonly Route[],
): Promise<void> {
  await atOnce(routes.map(({ name }) => name), async (name) => {
    const { scene, args } = routes.find((route) => route.name === name)!;
    const dir = scene.folder();
    const bip = startDownload(
      net,
      scene.torrent,
      dir,
      "--proxy",
      proxy,
      ...args,
    );
    const { code, lines, stderr } = await bip.result;
    assertEquals(code, 0, `${JSON.stringify(lines.slice(-5))}\n${stderr}`);
    await scene.compare(dir);
    assert(!`${JSON.stringify(lines)}${stderr}`.includes("p@ss"));
  });
  const { proxied, elsewhere, dns } = await net.counts();
  assertEquals([elsewhere, dns], [0, 0]);
  assert(proxied > 100);
}

/** Peers by address and by name, the HTTP tracker and a web seed by name. */
async function tcpRoutes(
  net: ProxyNet,
  stack: AsyncDisposableStack,
): Promise<Route[]> {
  const scene = async (...trackers: string[]) =>
    stack.use(await Scene.create({ trackers, files: 500_000 }));
  const tracker = net.startBip(
    WORLD,
    ...["tracker", "--listen", FAR, "--port", "6969", "--json"],
  );
  await tracker.line("listening");
  const [address, name, web, http] = [
    await scene(),
    await scene(),
    await scene(),
    await scene("http://tracker.example:6969/announce"),
  ];
  const folder = ["--bind", FAR, "--directory", web.seedDir, "8000"];
  net.start({ command: "python3", args: ["-m", "http.server", ...folder] });
  const seed = ({ torrent, seedDir }: Scene, ...args: string[]) =>
    net.startSeeder(torrent, seedDir, ...args);
  await seed(http);
  return [
    {
      name: "peer by address",
      scene: address,
      args: ["--peer", `${FAR}:${await seed(address)}`, ...NO_DHT],
    },
    {
      name: "peer by name, encrypted",
      scene: name,
      args: [
        "--peer",
        `peer.example:${await seed(name, "--encryption", "rc4")}`,
        ...NO_DHT,
      ],
    },
    { name: "HTTP tracker by name", scene: http, args: NO_DHT },
    {
      name: "web seed by name",
      scene: web,
      args: ["--web-seed", "http://peer.example:8000/", ...NO_DHT],
    },
  ];
}

proxyTest(
  "through danted: peers, trackers, web seeds, DHT and uTP, and nothing round it",
  [
    "danted",
  ],
  async (net) => {
    await using stack = new AsyncDisposableStack();
    await net.startSocks();
    const routes = await tcpRoutes(net, stack);
    const scene = async (...trackers: string[]) =>
      stack.use(await Scene.create({ trackers, files: 500_000 }));
    const udp = await scene("udp://tracker.example:6969/announce");
    await net.startSeeder(udp.torrent, udp.seedDir);
    const utp = await scene();
    const port = await net.startSeeder(utp.torrent, utp.seedDir, "--utp");
    const nodes = Array.from({ length: 4 }, (_, i) => `45.${12 + i}.0.1`);
    await net.hosts.run(
      WORLD,
      nodes.map((node) => `ip addr add ${node}/32 dev far`).join("\n"),
    );
    const dht = net.startDeno(
      WORLD,
      "dht_nodes.ts",
      ...nodes.map((node) => `${node}:6881`),
    );
    await dht.line("listening");
    const found = await scene();
    await net.startSeeder(
      ...[found.torrent, found.seedDir, "--dht", `${nodes[0]}:6881`],
    );
    await dht.line("announce");
    await downloadAll(net, SOCKS, [
      ...routes,
      { name: "UDP tracker by name", scene: udp, args: NO_DHT },
      {
        name: "uTP",
        scene: utp,
        args: ["--peer", `${FAR}:${port}`, "--utp", "both", ...NO_DHT],
      },
      {
        name: "DHT",
        scene: found,
        args: ["--dht-node", `${nodes[1]}:6881`],
      },
    ]);
  },
);

proxyTest(
  "through HTTP CONNECT: peers, HTTP trackers, web seeds, and nothing round it",
  [],
  async (net) => {
    await using stack = new AsyncDisposableStack();
    await net.startHttp();
    await downloadAll(net, HTTP, await tcpRoutes(net, stack));
  },
);

proxyTest(
  "without a proxy the same host is seen to ask elsewhere",
  [],
  async (net) => {
    await using scene = await Scene.create({
      trackers: ["http://tracker.example:6969/announce"],
      files: 100_000,
    });
    const dir = scene.folder();
    const bip = startDownload(
      net,
      ...[scene.torrent, dir, "--peer", `${FAR}:6881`],
      ...["--timeout", "3", ...NO_DHT],
    );
    assertEquals((await bip.result).code, 5);
    const { proxied, elsewhere, dns } = await net.counts();
    assert(dns > 0 && elsewhere > 0, "the counters count");
    assertEquals(proxied, 0);
  },
);
