// Others find us with a magnet link, fetch the metadata and then the data.
import { assertEquals } from "@std/assert";
import { NETNS_HOSTS } from "../support/netns.ts";
import { TempDir } from "../support/paths.ts";
import {
  addUnknownInfoKey,
  atOnce,
  magnetLink,
  netnsTest,
  onlyFrom,
  readMetainfo,
  RecordingDht,
  seed,
  startAria2Magnet,
  startBipOn,
  startTracker,
} from "./discovery.ts";
import { interopTest, startLibtorrent } from "./programs.ts";
import { Scene, type SceneOptions, type TorrentVersion } from "./scene.ts";
import { TransmissionHost } from "./transmission_host.ts";

const VERSIONS: readonly TorrentVersion[] = ["v1", "hybrid", "v2"];
/** Enough pieces for an info dictionary of two parts. */
const TWO_PARTS: SceneOptions = {
  files: { "ä.bin": 16_000_000, "b": 77 },
  pieceLength: "16KiB",
};

let created = 0;

/**
 * A scene whose info dictionary has two parts and an unknown key, each of them
 * another torrent: those that share a tracker or a network do not mix.
 */
async function createOdd(trackers: string[]): Promise<Scene> {
  const scene = await Scene.create({ ...TWO_PARTS, trackers });
  await addUnknownInfoKey(scene.torrent, ++created);
  return scene;
}

async function libtorrentFetches(
  scene: Scene,
  link: string,
  ...more: string[]
): Promise<void> {
  const dir = scene.folder();
  await using leecher = startLibtorrent(
    ...["leech", link, dir, "--seconds", "45"],
    ...more,
  );
  const { code, lines, stderr } = await leecher.result;
  assertEquals(code, 0, `${JSON.stringify(lines)}\n${stderr}`);
  await scene.compare(dir);
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

interopTest(
  "libtorrent finds us by our DHT",
  ["libtorrent"],
  () =>
    atOnce(VERSIONS, async (version) => {
      await using scene = await Scene.create({ version });
      await using dht = await RecordingDht.open();
      await using bip = seed(
        scene,
        ...onlyFrom("dht"),
        ...["--dht-node", dht.address],
      );
      await bip.line("state", ({ state }) => state === "seeding");
      await dht.untilKnown((await readMetainfo(scene)).infoHash);
      const link = await magnetLink(scene);
      await libtorrentFetches(scene, link, "--dht", dht.address);
    }),
);

interopTest(
  "libtorrent finds us by our tracker",
  ["libtorrent"],
  () =>
    atOnce(["http", "udp"] as const, async (kind) => {
      const tracker = await startTracker();
      await using _tracker = tracker.child;
      const trackers = [tracker[kind]];
      await using scene = await createOdd(trackers);
      await using bip = seed(scene, ...onlyFrom("trackers"));
      await bip.line("tracker", ({ ok }) => ok === true);
      await libtorrentFetches(scene, await magnetLink(scene, { trackers }));
    }),
);

interopTest(
  "aria2 finds us by our tracker and our DHT",
  ["aria2c"],
  () =>
    atOnce(["http", "udp", "dht"] as const, async (kind) => {
      if (kind === "dht") {
        await using scene = await Scene.create({ files: 2_000_003 });
        await using dht = await RecordingDht.open();
        await using _bip = seed(
          scene,
          ...onlyFrom("dht"),
          ...["--dht-node", dht.address],
        );
        await dht.untilKnown((await readMetainfo(scene)).infoHash);
        await aria2Fetches(scene, await magnetLink(scene), dht.address);
        return;
      }
      const tracker = await startTracker();
      await using _tracker = tracker.child;
      const trackers = [tracker[kind]];
      await using scene = await createOdd(trackers);
      await using bip = seed(scene, ...onlyFrom("trackers"));
      await bip.line("tracker", ({ ok }) => ok === true);
      await aria2Fetches(scene, await magnetLink(scene, { trackers }));
    }),
);

const [OURS, THEIRS] = NETNS_HOSTS;

// Transmission dials no loopback address, and looks around every ten seconds.
await netnsTest("transmission finds us by our tracker and local discovery", [
  "transmission-daemon",
  "transmission-remote",
], async (pair) => {
  await using stack = new AsyncDisposableStack();
  const start = (...args: string[]) =>
    stack.use(startBipOn(pair, 0, [...args, "--listen", OURS.v4]));
  const tracker = start(
    ...["tracker", "--port", "6969", "--http-port", "6969", "--json"],
  );
  await tracker.line("listening");
  const cases = ["http", "udp", "lpd"] as const;
  await atOnce(cases, async (kind) => {
    const isTracker = kind === "http" || kind === "udp";
    const trackers = isTracker ? [`${kind}://${OURS.v4}:6969/announce`] : [];
    await using scene = await createOdd(trackers);
    const bip = start(
      ...["seed", scene.torrent, scene.seedDir],
      ...onlyFrom(isTracker ? "trackers" : kind),
    );
    await bip.line("state", ({ state }) => state === "seeding");
    if (isTracker) await bip.line("tracker", ({ ok }) => ok === true);
    const dir = scene.folder();
    await using daemon = await TransmissionHost.start(pair, 1, dir, {
      port: 7000 + cases.indexOf(kind),
      lpd: kind === "lpd",
    });
    await daemon.download(await magnetLink(scene, { trackers }));
    await scene.compare(dir);
    const peer = await bip.line(
      "peer",
      ({ client }) => String(client).startsWith("Transmission"),
    );
    assertEquals(String(peer.address).split(":")[0], THEIRS.v4);
  });
});
