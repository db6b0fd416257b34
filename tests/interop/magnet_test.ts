// Downloads of magnet links, with one way at a time to find anybody.
import { assert, assertEquals } from "@std/assert";
import { TempDir } from "../support/paths.ts";
import { Child } from "../support/process.ts";
import {
  addUnknownInfoKey,
  atOnce,
  download,
  magnetLink,
  onlyFrom,
  readMetainfo,
  RecordingDht,
  startTracker,
  until,
  untilScraped,
} from "./discovery.ts";
import {
  FixedTracker,
  freePort,
  interopTest,
  startLibtorrent,
  startLibtorrentDht,
} from "./programs.ts";
import { Scene, type TorrentVersion } from "./scene.ts";

const VERSIONS: readonly TorrentVersion[] = ["v1", "hybrid", "v2"];

interopTest(
  "magnet: a peer of the link (x.pe)",
  ["libtorrent"],
  () =>
    atOnce(VERSIONS, async (version) => {
      await using scene = await Scene.create({ version });
      await using seeder = startLibtorrent(
        "seed",
        scene.torrent,
        scene.seedDir,
      );
      const { port } = await seeder.line("listening");
      const peers = [{ hostname: "127.0.0.1", port: port as number }];
      await download(scene, await magnetLink(scene, { peers }), ...onlyFrom());
    }),
);

interopTest(
  "magnet: the DHT of libtorrent",
  ["libtorrent"],
  () =>
    atOnce(VERSIONS, async (version) => {
      await using scene = await Scene.create({ version });
      await using router = startLibtorrentDht("stay");
      const { port } = await router.line("listening");
      const node = `127.0.0.1:${port}`;
      await using seeder = startLibtorrent(
        "seed",
        scene.torrent,
        scene.seedDir,
        "--dht",
        node,
      );
      await seeder.line("listening");
      await using watch = await RecordingDht.open([
        { hostname: "127.0.0.1", port: port as number },
      ]);
      await watch.node.bootstrapped;
      await watch.untilKnown((await readMetainfo(scene)).infoHash);
      await download(
        scene,
        await magnetLink(scene),
        ...onlyFrom("dht"),
        "--dht-node",
        node,
      );
    }),
);

interopTest(
  "magnet: libtorrent announces to our DHT",
  ["libtorrent"],
  () =>
    atOnce(VERSIONS, async (version) => {
      await using scene = await Scene.create({ version });
      await using dht = await RecordingDht.open();
      await using _seeder = startLibtorrent(
        "seed",
        scene.torrent,
        scene.seedDir,
        "--dht",
        dht.address,
      );
      await dht.untilKnown((await readMetainfo(scene)).infoHash);
      await download(
        scene,
        await magnetLink(scene),
        ...onlyFrom("dht"),
        "--dht-node",
        dht.address,
      );
    }),
);

interopTest("magnet: the seeder is all there is of the DHT", [
  "libtorrent",
], async () => {
  await using scene = await Scene.create({ files: 300_000 });
  await using seeder = startLibtorrent(
    "seed",
    scene.torrent,
    scene.seedDir,
    "--dht",
    "",
  );
  const { port } = await seeder.line("listening");
  await download(
    scene,
    await magnetLink(scene),
    ...onlyFrom("dht"),
    "--dht-node",
    `127.0.0.1:${port}`,
  );
});

interopTest("metadata of several parts with unknown keys, by --peer", [
  "libtorrent",
], async () => {
  await using scene = await Scene.create({
    files: { "a.bin": 16_000_000, "b": 77 },
    pieceLength: "16KiB",
  });
  await addUnknownInfoKey(scene.torrent);
  const { infoBytes } = await readMetainfo(scene);
  assert(infoBytes.length > 16384);
  await using seeder = startLibtorrent("seed", scene.torrent, scene.seedDir);
  const { port } = await seeder.line("listening");
  await download(
    scene,
    await magnetLink(scene),
    ...onlyFrom(),
    "--peer",
    `127.0.0.1:${port}`,
  );
});

interopTest("a magnet's peer that comes to the DHT after we have asked", [
  "libtorrent",
], async () => {
  await using scene = await Scene.create({ files: 300_000 });
  await using dht = await RecordingDht.open();
  const { infoHash } = await readMetainfo(scene);
  const done = download(
    scene,
    await magnetLink(scene),
    ...onlyFrom("dht"),
    "--dht-node",
    dht.address,
  );
  done.catch(() => {});
  await until("we have asked the DHT", () => dht.mentions(infoHash) > 0);
  await using _seeder = startLibtorrent(
    "seed",
    scene.torrent,
    scene.seedDir,
    "--dht",
    dht.address,
  );
  await done;
});

const OUR_TRACKERS = [["v1", "http"], ["v1", "udp"], ["hybrid", "http"], [
  "v2",
  "udp",
]] as const;

interopTest(
  "magnet: our tracker",
  ["libtorrent"],
  () =>
    atOnce(OUR_TRACKERS, async ([version, kind]) => {
      const tracker = await startTracker();
      await using _tracker = tracker.child;
      const trackers = [tracker[kind]];
      await using scene = await Scene.create({ version, trackers });
      await using seeder = startLibtorrent(
        "seed",
        scene.torrent,
        scene.seedDir,
      );
      await seeder.line("listening");
      await untilScraped(tracker.http, (await readMetainfo(scene)).infoHash);
      await download(
        scene,
        await magnetLink(scene, { trackers }),
        ...onlyFrom("trackers"),
      );
    }),
);

interopTest("magnet: another HTTP tracker", ["libtorrent"], async () => {
  await using tracker = new FixedTracker();
  await using scene = await Scene.create();
  await using seeder = startLibtorrent("seed", scene.torrent, scene.seedDir);
  tracker.peerPorts = [(await seeder.line("listening")).port as number];
  const link = await magnetLink(scene, { trackers: [tracker.url] });
  await download(scene, link, ...onlyFrom("trackers"));
  const first = tracker.announces[0]!;
  assertEquals(first.get("event"), "started");
  assert(
    first.get("left") !== "0",
    "who has nothing does not look like a seed",
  );
});

for (const kind of ["http", "udp"] as const) {
  interopTest(`magnet: opentracker over ${kind}`, [
    "libtorrent",
    "opentracker",
  ], async () => {
    const port = freePort();
    const trackers = [`${kind}://127.0.0.1:${port}/announce`];
    await using scene = await Scene.create({ trackers });
    const { infoHash } = await readMetainfo(scene);
    await using root = new TempDir();
    // It gives up its rights and its root: others must be able to read.
    await Deno.chmod(root.path, 0o755);
    await Deno.writeTextFile(
      root.join("white"),
      infoHash.toHex() + "\n",
    );
    await using opentracker = new Child("opentracker", {
      args: [
        ...["-i", "127.0.0.1", "-p", `${port}`, "-P", `${port}`],
        ...["-w", "/white", "-d", root.path],
      ],
    });
    await using seeder = startLibtorrent(
      "seed",
      scene.torrent,
      scene.seedDir,
    );
    await seeder.line("listening");
    await untilScraped(`http://127.0.0.1:${port}/announce`, infoHash);
    const { lines } = await download(
      scene,
      await magnetLink(scene, { trackers }),
      ...onlyFrom("trackers"),
    );
    const answers = lines.filter(({ type, ok }) => type === "tracker" && ok);
    assert(
      answers.some(({ peers }) => Number(peers) > 0),
      opentracker.stderr,
    );
  });
}
