// By default both IP versions are listened on, on one port, by TCP and by uTP.
import { assertEquals } from "@std/assert";
import { bipArguments } from "../support/bip_command.ts";
import { NetnsHosts } from "../support/netns_hosts.ts";
import { until } from "./discovery.ts";
import { interopTest, libtorrentCommand } from "./programs.ts";
import { Scene } from "./scene.ts";

const ALONE = [
  ...["--no-dht", "--no-lpd", "--no-port-map", "--no-trackers"],
] as const;

function bip(hosts: NetnsHosts, ...args: string[]) {
  const permissions = ["--allow-net", "--allow-read", "--allow-write"];
  return hosts.start(0, {
    command: Deno.execPath(),
    args: bipArguments(args, { flags: ["--unstable-net"], permissions }),
  }, { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" });
}

for (const v6only of [0, 1]) {
  interopTest(
    `bip seed is reached by IPv6 and IPv4, where bindv6only is ${v6only}`,
    ["ip", "libtorrent"],
    async () => {
      await using hosts = await NetnsHosts.open(1);
      await hosts.run(0, `echo ${v6only} > /proc/sys/net/ipv6/bindv6only`);
      await using scene = await Scene.create({ files: 200_000 });
      await using seed = bip(
        hosts,
        ...["seed", scene.torrent, scene.seedDir, ...ALONE, "--port", "7000"],
      );
      await until(
        "both are told",
        () => seed.stderr.includes("[::]:7000 and 0.0.0.0:7000"),
      );
      for (const host of ["[::1]", "127.0.0.1"]) {
        for (const more of [[], ["--utp"]]) {
          const dir = scene.folder();
          await using leecher = hosts.start(
            0,
            libtorrentCommand(
              ...["leech", scene.torrent, dir, "--seconds", "30", ...more],
              ...["--listen", host, "--peer", `${host}:7000`],
            ),
          );
          const { code, lines } = await leecher.result;
          assertEquals(code, 0, `${host} ${more}: ${JSON.stringify(lines)}`);
          await scene.compare(dir);
        }
        const dir = scene.folder();
        await using ours = bip(
          hosts,
          ...["download", scene.torrent, "-o", dir, ...ALONE, "--port", "0"],
          ...["--peer", `${host}:7000`, "--timeout", "30", "--json"],
        );
        assertEquals((await ours.result).code, 0);
      }
    },
  );
}
