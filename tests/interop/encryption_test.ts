// Peers that take encrypted connections only, in both directions.
import { assert, assertEquals } from "@std/assert";
import { startBip } from "../support/bip.ts";
import {
  FixedTracker,
  freePort,
  interopTest,
  startAria2,
  startLibtorrent,
  Transmission,
} from "./programs.ts";
import {
  atOnce,
  magnetLink,
  netnsTest,
  onlyFrom,
  startBipOn,
} from "./discovery.ts";
import { NETNS_HOSTS } from "../support/netns.ts";
import { LOCAL, Scene, type TorrentVersion } from "./scene.ts";
import { TransmissionHost } from "./transmission_host.ts";

const [OURS] = NETNS_HOSTS;

async function download(
  scene: Scene,
  source: string,
  ...args: string[]
): Promise<void> {
  const dir = scene.folder();
  const all = ["download", source, "-o", dir, "--timeout", "60", ...LOCAL];
  await using bip = startBip([...all, ...args]);
  const { code, lines, stderr } = await bip.result;
  assertEquals(code, 0, `${JSON.stringify(lines.slice(-3))}\n${stderr}`);
  await scene.compare(dir);
}

for (const version of ["v1", "hybrid"] satisfies TorrentVersion[]) {
  for (const level of ["rc4", "both"]) {
    const libtorrent = `libtorrent that forces encryption (${level})`;
    interopTest(
      `download ${version} from ${libtorrent}`,
      ["libtorrent"],
      async () => {
        await using scene = await Scene.create({ version });
        const more = ["--encryption", level];
        await using seeder = startLibtorrent(
          "seed",
          scene.torrent,
          scene.seedDir,
          ...more,
        );
        const { port } = await seeder.line("listening");
        const peer = `127.0.0.1:${port}`;
        await download(scene, scene.torrent, "--peer", peer, "--no-trackers");
        const magnet = await magnetLink(scene, {
          peers: [{ hostname: "127.0.0.1", port: port as number }],
        });
        await download(scene, magnet, "--encryption", "require-rc4");
      },
    );
    interopTest(
      `seed ${version} to ${libtorrent}`,
      ["libtorrent"],
      async () => {
        await using scene = await Scene.create({ version });
        await using bip = startBip([
          "seed",
          scene.torrent,
          scene.seedDir,
          ...LOCAL,
          "--no-trackers",
        ]);
        const { port } = await bip.line("listening");
        for (const source of [scene.torrent, await magnetLink(scene)]) {
          const dir = scene.folder();
          await using leecher = startLibtorrent(
            ...["leech", source, dir, "--peer", `127.0.0.1:${port}`],
            ...["--encryption", level, "--seconds", "60"],
          );
          const { code, lines } = await leecher.result;
          assertEquals(code, 0, JSON.stringify(lines) + bip.stderr);
          await scene.compare(dir);
        }
      },
    );
  }
}

interopTest("a peer without encryption is refused where it is required", [
  "libtorrent",
], async () => {
  await using scene = await Scene.create({ version: "v1" });
  await using seeder = startLibtorrent("seed", scene.torrent, scene.seedDir);
  const { port } = await seeder.line("listening");
  await using bip = startBip([
    "download",
    scene.torrent,
    "-o",
    scene.folder(),
    "--timeout",
    "3",
    ...LOCAL,
    "--peer",
    `127.0.0.1:${port}`,
    "--no-trackers",
    "--encryption",
    "require",
  ]);
  const { code, lines } = await bip.result;
  assert(code !== 0);
  assert(!lines.some((line) => line.type === "piece" && line.good === true));
});

interopTest("download from transmission that requires encryption", [
  "transmission-daemon",
  "transmission-remote",
], async () => {
  await using scene = await Scene.create({ version: "v1" });
  await using daemon = new Transmission(scene.seedDir, 2);
  await daemon.seed(scene.torrent);
  const peer = `127.0.0.1:${daemon.peerPort}`;
  await download(scene, scene.torrent, "--peer", peer, "--no-trackers");
  const magnet = await magnetLink(scene);
  await download(scene, magnet, "--peer", peer, "--no-trackers");
});

// It dials no loopback address.
for (const utp of [false, true]) {
  await netnsTest(
    `seed to transmission that requires encryption, ${utp ? "uTP" : "TCP"}`,
    ["transmission-daemon", "transmission-remote"],
    async (pair) => {
      await using stack = new AsyncDisposableStack();
      const start = (...args: string[]) =>
        stack.use(startBipOn(pair, 0, [...args, "--listen", OURS.v4]));
      const tracker = start("tracker", "--port", "6969", "--json");
      await tracker.line("listening");
      const trackers = [`udp://${OURS.v4}:6969/announce`];
      await using scene = await Scene.create({ trackers, files: 300_003 });
      const bip = start(
        ...["seed", scene.torrent, scene.seedDir, ...onlyFrom("trackers")],
      );
      await bip.line("tracker", ({ ok }) => ok === true);
      const magnet = await magnetLink(scene, { trackers });
      await atOnce([scene.torrent, magnet], async (source) => {
        const port = source === magnet ? 7007 : 7009;
        const options = { port, utp, encryption: 2 } as const;
        const dir = scene.folder();
        await using daemon = await TransmissionHost.start(
          ...[pair, 1, dir, options] as const,
        );
        await daemon.download(source);
        await scene.compare(dir);
      });
    },
  );
}

interopTest("download from and seed to aria2 that requires RC4", [
  "aria2c",
], async () => {
  await using tracker = new FixedTracker();
  await using scene = await Scene.create({
    version: "v1",
    trackers: [tracker.url],
  });
  const port = freePort();
  tracker.peerPorts = [port];
  {
    await using _aria2 = startAria2(scene.torrent, scene.seedDir, {
      port,
      seed: true,
      checkIntegrity: true,
      encrypted: true,
    });
    await download(scene, scene.torrent);
    await download(scene, await magnetLink(scene, { trackers: [tracker.url] }));
  }
  await using bip = startBip(["seed", scene.torrent, scene.seedDir, ...LOCAL]);
  const listening = await bip.line("listening");
  tracker.peerPorts = [listening.port as number];
  const magnet = await magnetLink(scene, { trackers: [tracker.url] });
  for (const source of [scene.torrent, magnet]) {
    const dir = scene.folder();
    await using aria2 = startAria2(source, dir, {
      port: freePort(),
      encrypted: true,
    });
    const { code, stderr } = await aria2.result;
    assertEquals(code, 0, stderr);
    await scene.compare(dir);
  }
});
