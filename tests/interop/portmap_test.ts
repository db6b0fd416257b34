// Gateways are asked for ports in all three protocols: the router is miniupnpd.
import { assert, assertEquals } from "@std/assert";
import { until } from "./discovery.ts";
import {
  FAR,
  GATEWAY,
  GatewayNet,
  HOME,
  OUTSIDE,
  WORLD,
} from "./gateway_net.ts";
import { interopTest, type Program } from "./programs.ts";
import { Scene } from "./scene.ts";

const PROGRAMS: readonly Program[] = ["miniupnpd", "nft", "ip"];

const WAYS = [
  { protocol: "pcp", upnp: false, pcp: true, permissions: ["--allow-all"] },
  // Without our own address there is no PCP.
  {
    protocol: "nat-pmp",
    upnp: false,
    pcp: true,
    permissions: ["--allow-net"],
  },
  { protocol: "upnp", upnp: true, pcp: false, permissions: ["--allow-all"] },
] as const;

for (const { protocol, permissions, ...speaks } of WAYS) {
  interopTest(`bip portmap by ${protocol}`, PROGRAMS, async () => {
    await using net = await GatewayNet.open(speaks);
    const child = net.startBip(
      HOME[0],
      ["portmap", "--gateway", GATEWAY, "--json", "--port", "7000"],
      permissions,
    );
    const { code, lines, stderr } = await child.result;
    assertEquals(code, 0, stderr);
    const [{ lifetimeSeconds, ...told }] = lines as [
      { lifetimeSeconds: number; type: string },
    ];
    assertEquals(told as unknown, {
      gateway: GATEWAY,
      protocol,
      externalAddress: OUTSIDE,
      externalPort: 7000,
      port: 7000,
    });
    assert(lifetimeSeconds > 0);
    assertEquals(await net.led(), [], "given back");
  });
}

for (const { protocol, permissions: _, ...speaks } of WAYS) {
  if (protocol === "nat-pmp") continue;
  interopTest(
    `a stranger reaches a seed at the port that ${protocol} gave, until Ctrl-C`,
    PROGRAMS,
    async () => {
      await using net = await GatewayNet.open(speaks);
      const tracker = net.startBip(WORLD, [
        ...["tracker", "--listen", FAR, "--http-port", "6969", "--json"],
      ]);
      await tracker.line("listening");
      const announce = `http://${FAR}:6969/announce`;
      await using scene = await Scene.create({ files: 300_000 });
      const args = [
        ...["seed", scene.torrent, scene.seedDir, "--port", "7000", "--json"],
        ...["--no-lpd", "--no-dht"],
      ];
      // Another has the port already: ours is to be given another one.
      const other = net.startBip(HOME[1], [...args, "--no-trackers"]);
      await until(
        "the first is mapped, with uTP",
        async () => (await net.led()).length === 2,
      );
      const seed = net.startBip(HOME[0], [...args, "--tracker", announce]);
      await until(
        "the second is mapped, too",
        async () => (await net.led()).length === 4,
      );
      const led = await net.led();
      const ours = led.filter((line) => line.includes(" 192.168.7.2:7000"));
      assertEquals(ours.map((line) => line.slice(0, 4)), ["tcp ", "udp "]);
      assert(!ours.some((line) => line.includes(" 7000 ")), `${led}`);
      other.kill("SIGINT");
      assertEquals((await other.result).code, 130);
      assertEquals(await net.led(), ours);
      const dir = scene.folder();
      const leech = net.startBip(WORLD, [
        ...["download", scene.torrent, "-o", dir, "--json", "--no-dht"],
        ...["--no-lpd", "--tracker", announce, "--timeout", "60"],
      ]);
      const { code, lines, stderr } = await leech.result;
      assertEquals(code, 0, `${JSON.stringify(lines.slice(-5))}\n${stderr}`);
      await scene.compare(dir);
      const [, port] = ours[0]!.split(" ");
      const peer = lines.find(({ type, state }) =>
        type === "peer" && state === "connected"
      );
      assertEquals(peer?.address, `${OUTSIDE}:${port}`);
      seed.kill("SIGINT");
      assertEquals((await seed.result).code, 130);
      assertEquals(await net.led(), [], "removed");
    },
  );
}
