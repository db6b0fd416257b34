// transmission and we find each other in a DHT of our nodes.
import { assert, assertEquals } from "@std/assert";
import { NETNS_HOSTS } from "../support/netns.ts";
import { DhtNetwork } from "./dht_network.ts";
import {
  assertComplete,
  atOnce,
  magnetLink,
  netnsTest,
  onlyFrom,
  readMetainfo,
  startBipOn,
} from "./discovery.ts";
import { Scene } from "./scene.ts";
import { TransmissionHost } from "./transmission_host.ts";

const [OURS, THEIRS] = NETNS_HOSTS;

/** What its DHT says of answers and queries that it finds wrong. */
const COMPLAINTS =
  /.*(?:unparseable|unexpected|unknown search|broken node|blacklist|eek|wrong|incorrect|forbidden|rate limiting|no info_hash).*/gi;

function assertContent({ stderr }: TransmissionHost): void {
  assert(stderr.includes("Sending get_peers"), "it did not look for peers");
  assertEquals(stderr.match(COMPLAINTS), null);
}

await netnsTest("transmission and we find each other by our DHT", [
  "transmission-daemon",
  "transmission-remote",
], async (pair) => {
  await using dht = await DhtNetwork.open(pair, 12);
  const onlyDht = [
    ...["--listen", OURS.v4, ...onlyFrom("dht"), "--dht-node", dht.address],
  ];

  const itFindsUs = async () => {
    await using scene = await Scene.create({ files: 2_000_003 });
    const { infoHash } = await readMetainfo(scene);
    const args = ["seed", scene.torrent, scene.seedDir, ...onlyDht];
    await using bip = startBipOn(pair, 0, args);
    const { port } = await bip.line("listening");
    await dht.untilKnown(infoHash, `${OURS.v4}:${port}`);
    const dir = scene.folder();
    await using daemon = await TransmissionHost.start(pair, 1, dir, {
      port: 7000,
      dht: dht.endpoints,
    });
    await daemon.download(await magnetLink(scene), 80_000);
    await scene.compare(dir);
    const peer = await bip.line(
      "peer",
      ({ client }) => String(client).startsWith("Transmission"),
    );
    assertEquals(String(peer.address).split(":")[0], THEIRS.v4);
    assertContent(daemon);
  };

  const weFindIt = async () => {
    await using scene = await Scene.create();
    const { infoHash } = await readMetainfo(scene);
    const { seedDir } = scene;
    await using daemon = await TransmissionHost.start(pair, 1, seedDir, {
      port: 7001,
      dht: dht.endpoints,
    });
    await daemon.seed(scene.torrent);
    await dht.untilKnown(infoHash, `${THEIRS.v4}:7001`);
    const dir = scene.folder();
    const args = ["download", await magnetLink(scene), "-o", dir, ...onlyDht];
    await using bip = startBipOn(pair, 0, [...args, "--timeout", "45"]);
    await assertComplete(scene, dir, await bip.result);
    assertContent(daemon);
  };

  const cases = { itFindsUs, weFindIt };
  await atOnce(["itFindsUs", "weFindIt"] as const, (name) => cases[name]());
});
