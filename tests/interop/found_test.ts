// Others find us with a magnet link, fetch the metadata and then the data.
import { assertEquals } from "@std/assert";
import { NETNS_HOSTS } from "../support/netns.ts";
import { TempDir } from "../support/paths.ts";
import {
  addUnknownInfoKey,
  magnetLink,
  netnsTest,
  onlyFrom,
  readMetainfo,
  RecordingDht,
  seed,
  startAria2Magnet,
  startBipOn,
  startTracker,
  TransmissionHost,
} from "./discovery.ts";
import { interopTest, startLibtorrent } from "./programs.ts";
import { Scene, type TorrentVersion } from "./scene.ts";

const VERSIONS: readonly TorrentVersion[] = ["v1", "hybrid", "v2"];
/** Enough pieces for an info dictionary of two parts. */
const TWO_PARTS = {
  files: { "ä.bin": 16_000_000, "b": 77 },
  pieceLength: "16KiB",
} as const;

for (const version of VERSIONS) {
  interopTest(`libtorrent finds our ${version} torrent by our DHT`, [
    "libtorrent",
  ], async () => {
    await using scene = await Scene.create({ version });
    await using dht = await RecordingDht.open();
    await using bip = seed(
      scene,
      ...onlyFrom("dht"),
      "--dht-node",
      dht.address,
    );
    await bip.line("state", ({ state }) => state === "seeding");
    await dht.untilKnown((await readMetainfo(scene)).infoHash);
    await libtorrentFetches(scene, await magnetLink(scene), dht.address);
  });
}

interopTest("libtorrent finds us by our tracker; metadata of two parts", [
  "libtorrent",
], async () => {
  const tracker = await startTracker();
  await using _tracker = tracker.child;
  await using scene = await Scene.create({
    ...TWO_PARTS,
    trackers: [tracker.udp],
  });
  await addUnknownInfoKey(scene.torrent);
  await using bip = seed(scene, ...onlyFrom("trackers"));
  await bip.line("tracker", ({ ok }) => ok === true);
  const link = await magnetLink(scene, { trackers: [tracker.udp] });
  await libtorrentFetches(scene, link);
});

async function libtorrentFetches(
  scene: Scene,
  link: string,
  dhtNode?: string,
): Promise<void> {
  const dir = scene.folder();
  await using leecher = startLibtorrent(
    "leech",
    link,
    dir,
    "--seconds",
    "45",
    ...(dhtNode === undefined ? [] : ["--dht", dhtNode]),
  );
  const { code, lines, stderr } = await leecher.result;
  assertEquals(code, 0, `${JSON.stringify(lines)}\n${stderr}`);
  await scene.compare(dir);
}

interopTest("aria2 finds us by our DHT", ["aria2c"], async () => {
  await using scene = await Scene.create({ files: 2_000_003 });
  await using dht = await RecordingDht.open();
  await using bip = seed(scene, ...onlyFrom("dht"), "--dht-node", dht.address);
  await bip.line("state", ({ state }) => state === "seeding");
  await dht.untilKnown((await readMetainfo(scene)).infoHash);
  await aria2Fetches(scene, await magnetLink(scene), dht.address);
});

for (const kind of ["http", "udp"] as const) {
  interopTest(`aria2 finds us by our tracker over ${kind}`, [
    "aria2c",
  ], async () => {
    const tracker = await startTracker();
    await using _tracker = tracker.child;
    const trackers = [tracker[kind]];
    await using scene = await Scene.create({ ...TWO_PARTS, trackers });
    await addUnknownInfoKey(scene.torrent);
    await using bip = seed(scene, ...onlyFrom("trackers"));
    await bip.line("tracker", ({ ok }) => ok === true);
    await aria2Fetches(scene, await magnetLink(scene, { trackers }));
  });
}

async function aria2Fetches(
  scene: Scene,
  link: string,
  dhtNode?: string,
): Promise<void> {
  const dir = scene.folder();
  await using config = new TempDir();
  await using aria2 = startAria2Magnet(link, dir, config, dhtNode);
  const { code, lines, stderr } = await aria2.result;
  const said = lines.map(({ text }) => text).slice(-20).join("\n");
  assertEquals(code, 0, `${said}\n${stderr}`);
  await scene.compare(dir);
}

const [OURS, THEIRS] = NETNS_HOSTS;

for (const kind of ["http", "udp"] as const) {
  await netnsTest(`transmission finds us by our tracker over ${kind}`, [
    "transmission-daemon",
    "transmission-remote",
  ], async (pair) => {
    await using tracker = startBipOn(pair, 0, [
      "tracker",
      ...["--listen", OURS.v4, "--port", "6969", "--http-port", "6969"],
      "--json",
    ]);
    await tracker.line("listening");
    const trackers = [`${kind}://${OURS.v4}:6969/announce`];
    await using scene = await Scene.create({ ...TWO_PARTS, trackers });
    await addUnknownInfoKey(scene.torrent);
    await using bip = startBipOn(pair, 0, [
      "seed",
      scene.torrent,
      scene.seedDir,
      ...["--listen", OURS.v4],
      ...onlyFrom("trackers"),
    ]);
    await bip.line("tracker", ({ ok }) => ok === true);
    const dir = scene.folder();
    await using daemon = await TransmissionHost.start(pair, 1, dir);
    await daemon.download(await magnetLink(scene, { trackers }));
    await scene.compare(dir);
    const peer = await bip.line(
      "peer",
      ({ client }) => String(client).startsWith("Transmission"),
    );
    assertEquals(String(peer.address).split(":")[0], THEIRS.v4);
  });
}
