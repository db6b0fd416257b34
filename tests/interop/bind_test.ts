// A host with two ways into the world, of which bip may use one.
import { assert, assertEquals } from "@std/assert";
import { bipArguments } from "../support/bip_command.ts";
import { netnsProblem } from "../support/netns.ts";
import { NetnsHosts } from "../support/netns_hosts.ts";
import type { Child } from "../support/process.ts";
import { until } from "./discovery.ts";
import { interopTest, libtorrentCommand } from "./programs.ts";
import { Scene } from "./scene.ts";

const [OURS, ROUTER, WORLD] = [0, 1, 2];
const FAR = "45.11.0.2";
const FAR_V6 = "fd11::2";
const VPN = "ip addr add 10.8.0.1/24 dev vpn; " +
  "ip route add default via 10.8.0.2 metric 1";

const problem = await netnsProblem();

function bindTest(name: string, run: (net: BindNet) => Promise<void>): void {
  if (problem !== undefined && Deno.env.get("BIP_REQUIRE_PEERS") !== "1") {
    Deno.test({ name: `${name} (skipped: ${problem})`, ignore: true, fn() {} });
    return;
  }
  interopTest(name, ["libtorrent", "nft", "ip"], async () => {
    await using net = await BindNet.open();
    await run(net);
  });
}

/** Our host, and the world behind two cables. */
class BindNet implements AsyncDisposable {
  readonly hosts: NetnsHosts;
  readonly #stack = new AsyncDisposableStack();

  private constructor(hosts: NetnsHosts) {
    this.hosts = hosts;
    this.#stack.use(hosts);
  }

  static async open(): Promise<BindNet> {
    const hosts = await NetnsHosts.open(3);
    const net = new BindNet(hosts);
    try {
      await hosts.connect("vpn", [OURS, "10.8.0.9/24"], [
        ROUTER,
        "10.8.0.2/24",
      ]);
      await hosts.connect("lan", [OURS, "10.9.0.1/24"], [
        ROUTER,
        "10.9.0.2/24",
      ]);
      await hosts.connect("far", [ROUTER, "45.11.0.1/24"], [
        WORLD,
        `${FAR}/24`,
      ]);
      await hosts.run(ROUTER, "echo 1 > /proc/sys/net/ipv4/ip_forward");
      await hosts.run(WORLD, "ip route add default via 45.11.0.1");
      await hosts.run(
        OURS,
        `ip addr del 10.8.0.9/24 dev vpn; ${VPN}
ip route add default via 10.9.0.2 metric 2
nft add table inet bip
nft add chain inet bip out '{ type filter hook output priority 0; }'
nft add rule inet bip out oifname vpn meta l4proto '{ tcp, udp }' counter comment '"vpn"'
nft add rule inet bip out oifname lan meta l4proto '{ tcp, udp }' counter comment '"lan"'`,
      );
    } catch (error) {
      await net[Symbol.asyncDispose]();
      throw error;
    }
    return net;
  }

  /** Adds IPv6 to both cables; what is bound takes the first. */
  async addV6(): Promise<void> {
    const add = (host: number, name: string, address: string) =>
      this.hosts.run(host, `ip addr add ${address}/64 dev ${name} nodad`);
    await this.hosts.run(
      ROUTER,
      "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding",
    );
    for (const [name, net] of [["vpn", "fd08"], ["lan", "fd09"]] as const) {
      await add(OURS, name, `${net}::1`);
      await add(ROUTER, name, `${net}::2`);
    }
    await add(ROUTER, "far", "fd11::1");
    await add(WORLD, "far", FAR_V6);
    await this.hosts.run(WORLD, "ip route add default via fd11::1");
    await this.hosts.run(
      OURS,
      "ip route add default via fd08::2 metric 1; " +
        "ip route add default via fd09::2 metric 2",
    );
  }

  bip(host: number, ...args: string[]): Child {
    return this.#stack.use(this.hosts.start(host, {
      command: Deno.execPath(),
      // All permissions: what is up is read below /sys.
      args: bipArguments(args, { flags: ["--unstable-net", "-A"] }),
    }, { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" }));
  }

  /** Starts a libtorrent peer in the world. */
  async libtorrent(...args: string[]): Promise<[Child, number]> {
    const where = args.includes("--listen") ? [] : ["--listen", FAR];
    const peer = this.#stack.use(this.hosts.start(
      WORLD,
      libtorrentCommand(...args, ...where),
    ));
    const { port } = await peer.line("listening");
    return [peer, Number(port)];
  }

  /** Packets that left by each way. */
  async sent(): Promise<Record<string, number>> {
    const text = await this.hosts.run(OURS, "nft list ruleset");
    return Object.fromEntries(
      [...text.matchAll(/packets (\d+) .*comment "(\w+)"/g)]
        .map(([, packets, name]) => [name, Number(packets)]),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

const bytesOf = ({ lines }: Child) =>
  Number(lines.findLast(({ type }) => type === "progress")?.bytes ?? 0);

for (
  const [transport, loss] of [
    ["tcp", "the address goes"],
    ["utp", "the interface goes down"],
  ] as const
) {
  bindTest(
    `--bind, ${transport}: all stops when ${loss}, and goes on`,
    async (net) => {
      const tracker = net.bip(
        WORLD,
        ...["tracker", "--listen", FAR, "--port", "6969", "--json"],
      );
      await tracker.line("listening");
      await using scene = await Scene.create({
        trackers: [
          `http://${FAR}:6969/announce`,
          `udp://${FAR}:6969/announce`,
        ],
        files: 4_000_000,
      });
      await net.libtorrent(
        ...["seed", scene.torrent, scene.seedDir],
        // It refuses who it thinks is there still: nothing tells it otherwise when
        // nothing was on its way.
        ...["--peer-timeout", "10"],
        ...(transport === "utp" ? ["--utp"] : []),
      );
      const dir = scene.folder();
      const bip = net.bip(
        OURS,
        ...["download", scene.torrent, "-o", dir, "--json"],
        ...["--bind", loss === "the address goes" ? "10.8.0.1" : "vpn"],
        ...["--dht-node", `${FAR}:6881`, "--no-lpd", "--no-port-map"],
        ...["--down-limit", "1M", "--timeout", "60"],
      );
      await until("something has come", () => bytesOf(bip) > 1_000_000);
      await net.hosts.run(
        OURS,
        loss === "the address goes"
          ? "ip addr del 10.8.0.1/24 dev vpn"
          : "ip link set vpn down",
      );
      await bip.line("peer", ({ state }) => state === "disconnected");
      // What was under way is over, and it has been seen.
      await new Promise((resolve) => setTimeout(resolve, 500));
      const before = await net.sent();
      const bytes = bytesOf(bip);
      // Long enough for a dial or an announce by the other way.
      await new Promise((resolve) => setTimeout(resolve, 3000));
      assertEquals(await net.sent(), before);
      assert(bytesOf(bip) - bytes < 500_000);
      // An address that is gone sends nothing, one of a dead interface for the
      // second in which that is not known yet.
      if (loss === "the address goes") assertEquals(before.lan, 0);
      await net.hosts.run(
        OURS,
        loss === "the address goes" ? VPN : "ip link set vpn up; " +
          "ip route add default via 10.8.0.2 metric 1",
      );
      const { code, lines, stderr } = await bip.result;
      assertEquals(code, 0, `${JSON.stringify(lines.slice(-3))}\n${stderr}`);
      await scene.compare(dir);
      assertEquals((await net.sent()).lan, before.lan);
    },
  );
}

bindTest(
  "--bind: strangers reach us there only, and without it we go elsewhere",
  async (net) => {
    await using scene = await Scene.create({ files: 200_000 });
    const args = ["--json", "--no-dht", "--no-lpd", "--no-port-map", "--port"];
    const seed = ["seed", scene.torrent, scene.seedDir, "--no-trackers"];
    const bip = net.bip(OURS, ...seed, ...args, "7000", "--bind", "vpn");
    const { address } = await bip.line("listening");
    assertEquals(address, "10.8.0.1");
    await bip.line("state", ({ state }) => state === "seeding");
    const leech = async (peer: string) => {
      const [child] = await net.libtorrent(
        ...["leech", scene.torrent, scene.folder(), "--peer", peer],
        ...["--seconds", "4"],
      );
      return (await child.result).code;
    };
    assertEquals(
      await Promise.all([leech("10.8.0.1:7000"), leech("10.9.0.1:7000")]),
      [0, 1],
    );
    await net.hosts.run(OURS, "ip addr del 10.8.0.1/24 dev vpn");
    const [, port] = await net.libtorrent("seed", scene.torrent, scene.seedDir);
    const free = net.bip(
      OURS,
      ...["download", scene.torrent, "-o", scene.folder(), ...args, "0"],
      ...["--peer", `${FAR}:${port}`, "--timeout", "30"],
    );
    assertEquals((await free.result).code, 0);
    assert((await net.sent()).lan! > 10, "the counter counts");
  },
);

bindTest(
  "--bind, IPv6: dials, announces and is reached there only",
  async (net) => {
    await net.addV6();
    const url = `http://[${FAR_V6}]:6969/announce`;
    await using scene = await Scene.create({ files: 500_000, trackers: [url] });
    const tracker = net.bip(
      WORLD,
      ...["tracker", "--listen", FAR_V6, "--port", "6969", "--json"],
    );
    await tracker.line("listening");
    const far = ["--listen", `[${FAR_V6}]`];
    const args = ["--json", "--no-lpd", "--no-port-map", "--no-dht"];
    for (const transport of [[], ["--utp"]]) {
      const [, port] = await net.libtorrent(
        ...["seed", scene.torrent, scene.seedDir, ...far, ...transport],
      );
      const dir = scene.folder();
      const bip = net.bip(
        OURS,
        ...["download", scene.torrent, "-o", dir, ...args, "--timeout", "30"],
        ...["--bind", "fd08::1", "--peer", `[${FAR_V6}]:${port}`],
      );
      const { code, lines, stderr } = await bip.result;
      assertEquals(code, 0, `${JSON.stringify(lines.slice(-3))}\n${stderr}`);
      await scene.compare(dir);
    }
    await using own = await Scene.create({ files: 200_000 });
    const bip = net.bip(
      OURS,
      ...["seed", own.torrent, own.seedDir, ...args, "--no-trackers"],
      ...["--bind", "vpn", "--port", "7000"],
    );
    await bip.line("state", ({ state }) => state === "seeding");
    const leech = async (peer: string) => {
      const [child] = await net.libtorrent(
        ...["leech", own.torrent, own.folder(), "--peer", peer],
        ...(peer.startsWith("[") ? far : []),
        ...["--seconds", "4"],
      );
      return (await child.result).code;
    };
    const there = ["[fd08::1]:7000", "10.8.0.1:7000", "[fd09::1]:7000"];
    assertEquals(await Promise.all(there.map(leech)), [0, 0, 1]);
    const { lan, vpn } = await net.sent();
    assert(vpn! > 100);
    assertEquals(lan, 0);
  },
);
