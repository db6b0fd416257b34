// transmission by uTP, as every TCP connection between the two hosts is dropped.
import { assertEquals } from "@std/assert";
import { NETNS_HOSTS } from "../support/netns.ts";
import {
  assertComplete,
  netnsTest,
  onlyFrom,
  startBipOn,
} from "./discovery.ts";
import { TRANSMISSIONS } from "./programs.ts";
import { Scene } from "./scene.ts";
import { TransmissionHost } from "./transmission_host.ts";

const [OURS, THEIRS] = NETNS_HOSTS;

/** Nothing but datagrams passes between hosts. */
const RULES = "table inet t { chain i { type filter hook input priority 0; " +
  "iif lo accept; meta l4proto tcp drop; }; }";

for (const release of TRANSMISSIONS) {
  await netnsTest(`${release.name} and we exchange torrents by uTP alone`, [
    ...release.programs,
    "nft",
  ], async (pair) => {
    for (const host of [0, 1] as const) {
      const { command, args } = pair.command(host, "nft", [RULES]);
      const { success } = await new Deno.Command(command, { args }).output();
      assertEquals(success, true);
    }
    await using stack = new AsyncDisposableStack();
    const start = (...args: string[]) =>
      stack.use(startBipOn(pair, 0, [...args, "--listen", OURS.v4]));

    // From their seeder.
    {
      await using scene = await Scene.create({ files: 8_000_003 });
      const options = { port: 7006, utp: true, release };
      await using daemon = await TransmissionHost.start(
        pair,
        1,
        scene.seedDir,
        options,
      );
      await daemon.seed(scene.torrent);
      const dir = scene.folder();
      const bip = start(
        ...["download", scene.torrent, "-o", dir, "--timeout", "60"],
        ...["--peer", `${THEIRS.v4}:7006`, ...onlyFrom()],
      );
      const result = await bip.result;
      await assertComplete(scene, dir, result);
    }

    // To their leecher, which hears of us from a tracker.
    const tracker = start("tracker", "--port", "6969", "--json");
    await tracker.line("listening");
    const trackers = [`udp://${OURS.v4}:6969/announce`];
    await using scene = await Scene.create({ files: 8_000_003, trackers });
    const bip = start(
      ...["seed", scene.torrent, scene.seedDir, ...onlyFrom("trackers")],
    );
    await bip.line("tracker", ({ ok }) => ok === true);
    const dir = scene.folder();
    await using daemon = await TransmissionHost.start(pair, 1, dir, {
      port: 7007,
      utp: true,
      release,
    });
    await daemon.download(scene.torrent);
    await scene.compare(dir);
  });
}
