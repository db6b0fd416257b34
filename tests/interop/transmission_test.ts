// transmission finds us, and we find it. It dials no loopback address and looks
// around every ten seconds only: everything at once, on two hosts.
import { assert, assertEquals } from "@std/assert";
import { NETNS_HOSTS } from "../support/netns.ts";
import type { Child } from "../support/process.ts";
import { DhtNetwork } from "./dht_network.ts";
import {
  assertComplete,
  atOnce,
  createOdd,
  magnetLink,
  netnsTest,
  onlyFrom,
  readMetainfo,
  startBipOn,
} from "./discovery.ts";
import { TRANSMISSIONS } from "./programs.ts";
import { Scene } from "./scene.ts";
import { TransmissionHost } from "./transmission_host.ts";

const [OURS, THEIRS] = NETNS_HOSTS;

/** What its DHT says of answers and queries that it finds wrong. */
const COMPLAINTS =
  /.*(?:unparseable|unexpected|unknown search|broken node|blacklist|eek|wrong|incorrect|forbidden|rate limiting|no info_hash).*/gi;

function assertContent({ stderr }: TransmissionHost, tells: boolean): void {
  if (tells) assert(stderr.includes("Sending get_peers"), "it did not look");
  assertEquals(stderr.match(COMPLAINTS), null);
}

/** Checks that it has come to us. */
async function assertMet(bip: Child): Promise<void> {
  const peer = await bip.line(
    "peer",
    ({ client }) => String(client).startsWith("Transmission"),
  );
  assertEquals(String(peer.address).split(":")[0], THEIRS.v4);
}

for (const release of TRANSMISSIONS) {
  await netnsTest(`${release.name} finds us, and we it nearby and by our DHT`, [
    ...release.programs,
    "nft",
  ], async (pair) => {
    await using stack = new AsyncDisposableStack();
    const start = (...args: string[]) =>
      stack.use(startBipOn(pair, 0, [...args, "--listen", OURS.v4]));
    const tracker = start(
      ...["tracker", "--port", "6969", "--http-port", "6969", "--json"],
    );
    const dht = stack.use(await DhtNetwork.open(pair, 12));
    await tracker.line("listening");
    const onlyDht = [...onlyFrom("dht"), "--dht-node", dht.address];

    const byTrackerOrNearby =
      (kind: "http" | "udp" | "lpd", port: number) => async () => {
        const isTracker = kind !== "lpd";
        const trackers = isTracker
          ? [`${kind}://${OURS.v4}:6969/announce`]
          : [];
        await using scene = await createOdd(trackers);
        const bip = start(
          ...["seed", scene.torrent, scene.seedDir],
          ...onlyFrom(isTracker ? "trackers" : kind),
        );
        await bip.line("state", ({ state }) => state === "seeding");
        if (isTracker) await bip.line("tracker", ({ ok }) => ok === true);
        const dir = scene.folder();
        const options = { port, lpd: kind === "lpd", release };
        await using daemon = await TransmissionHost.start(
          pair,
          1,
          dir,
          options,
        );
        await daemon.download(await magnetLink(scene, { trackers }));
        await scene.compare(dir);
        await assertMet(bip);
      };

    const byDht = async () => {
      await using scene = await Scene.create({ files: 2_000_003 });
      const { infoHash } = await readMetainfo(scene);
      const bip = start("seed", scene.torrent, scene.seedDir, ...onlyDht);
      const { port } = await bip.line("listening");
      await dht.untilKnown(infoHash, `${OURS.v4}:${port}`);
      const dir = scene.folder();
      await using daemon = await TransmissionHost.start(pair, 1, dir, {
        port: 7003,
        dht: dht.endpoints,
        release,
      });
      // Up to 40 s to ask the DHT: 4 pings, a start delayed by up to 20 s, and
      // another attempt after 5 to 10 s.
      await daemon.download(await magnetLink(scene), 80_000);
      await scene.compare(dir);
      await assertMet(bip);
      assertContent(daemon, release === TRANSMISSIONS[0]);
    };

    const weByDht = async () => {
      await using scene = await Scene.create();
      const { infoHash } = await readMetainfo(scene);
      const { seedDir } = scene;
      await using daemon = await TransmissionHost.start(pair, 1, seedDir, {
        port: 7004,
        dht: dht.endpoints,
        release,
      });
      await daemon.seed(scene.torrent);
      await dht.untilKnown(infoHash, `${THEIRS.v4}:7004`);
      const dir = scene.folder();
      const bip = start(
        ...["download", await magnetLink(scene), "-o", dir, "--timeout", "45"],
        ...onlyDht,
      );
      await assertComplete(scene, dir, await bip.result);
      assertContent(daemon, release === TRANSMISSIONS[0]);
    };

    const weNearby = async () => {
      await using scene = await Scene.create();
      const { seedDir } = scene;
      await using daemon = await TransmissionHost.start(pair, 1, seedDir, {
        port: 7005,
        lpd: true,
        release,
      });
      await daemon.seed(scene.torrent);
      const dir = scene.folder();
      const bip = start(
        ...["download", await magnetLink(scene), "-o", dir, "--timeout", "60"],
        ...onlyFrom("lpd"),
      );
      await assertComplete(scene, dir, await bip.result);
      await assertMet(bip);
    };

    const cases = {
      "HTTP tracker": byTrackerOrNearby("http", 7000),
      "UDP tracker": byTrackerOrNearby("udp", 7001),
      "local discovery": byTrackerOrNearby("lpd", 7002),
      "local discovery, we": weNearby,
      "our DHT": byDht,
      "our DHT, we": weByDht,
    };
    const names = Object.keys(cases) as (keyof typeof cases)[];
    await atOnce(names, (name) => cases[name]());
  });
}
