// Others find us with a magnet link, fetch the metadata and then the data.
import { assertEquals } from "@std/assert";
import { TempDir } from "../support/paths.ts";
import {
  atOnce,
  createOdd,
  magnetLink,
  onlyFrom,
  readMetainfo,
  RecordingDht,
  seed,
  startAria2Magnet,
  startTracker,
} from "./discovery.ts";
import { interopTest, startLibtorrent } from "./programs.ts";
import { Scene, type TorrentVersion } from "./scene.ts";

const VERSIONS: readonly TorrentVersion[] = ["v1", "hybrid", "v2"];
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
