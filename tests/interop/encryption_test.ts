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
import { magnetLink } from "./discovery.ts";
import { LOCAL, Scene, type TorrentVersion } from "./scene.ts";

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
        const dir = scene.folder();
        const peer = `127.0.0.1:${port}`;
        await using leecher = startLibtorrent(
          "leech",
          scene.torrent,
          dir,
          "--peer",
          peer,
          "--encryption",
          level,
          "--seconds",
          "60",
        );
        const { code, lines } = await leecher.result;
        assertEquals(code, 0, JSON.stringify(lines) + bip.stderr);
        await scene.compare(dir);
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
});

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
  }
  await using bip = startBip(["seed", scene.torrent, scene.seedDir, ...LOCAL]);
  const listening = await bip.line("listening");
  tracker.peerPorts = [listening.port as number];
  const dir = scene.folder();
  await using aria2 = startAria2(scene.torrent, dir, {
    port: freePort(),
    encrypted: true,
  });
  const { code, stderr } = await aria2.result;
  assertEquals(code, 0, stderr);
  await scene.compare(dir);
});
