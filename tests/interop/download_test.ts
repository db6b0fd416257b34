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
import { LOCAL, Scene, type SceneOptions } from "./scene.ts";

const KINDS: [string, SceneOptions][] = [
  ["v1 single-file", { version: "v1", files: 5_000_003 }],
  ["v1 multi-file", { version: "v1" }],
  ["hybrid multi-file", { version: "hybrid" }],
  ["v2-only multi-file", { version: "v2" }],
];

async function download(scene: Scene, ...args: string[]): Promise<void> {
  const dir = scene.folder();
  await using bip = startBip([
    "download",
    scene.torrent,
    "-o",
    dir,
    "--timeout",
    "60",
    ...LOCAL,
    ...args,
  ]);
  const { code, lines, stderr } = await bip.result;
  assertEquals(code, 0, `${JSON.stringify(lines.slice(-3))}\n${stderr}`);
  const complete = lines.find((line) => line.type === "complete");
  assert(complete !== undefined);
  assertEquals(
    complete.bytes,
    Object.values(scene.files).reduce((sum, n) => sum + n, 0),
  );
  await scene.compare(dir);
}

for (const [kind, options] of KINDS) {
  interopTest(`download ${kind} from libtorrent`, ["libtorrent"], async () => {
    await using scene = await Scene.create(options);
    await using seeder = startLibtorrent("seed", scene.torrent, scene.seedDir);
    const { port } = await seeder.line("listening");
    await download(scene, "--peer", `127.0.0.1:${port}`, "--no-trackers");
  });
}

// transmission 3.00 loads no hybrid torrent, no matter who made it, and aria2 1.36
// computes an info-hash of its own for every one: only libtorrent can be asked.
for (const [kind, options] of KINDS.slice(0, 2)) {
  interopTest(`download ${kind} from transmission`, [
    "transmission-daemon",
    "transmission-remote",
  ], async () => {
    await using scene = await Scene.create(options);
    await using daemon = new Transmission(scene.seedDir);
    await daemon.seed(scene.torrent);
    await download(
      scene,
      "--peer",
      `127.0.0.1:${daemon.peerPort}`,
      "--no-trackers",
    );
  });
}

for (const [kind, options] of KINDS.slice(0, 2)) {
  interopTest(`download ${kind} from aria2 through an HTTP tracker`, [
    "aria2c",
  ], async () => {
    await using tracker = new FixedTracker();
    await using scene = await Scene.create({
      ...options,
      trackers: [tracker.url],
    });
    const port = freePort();
    tracker.peerPorts = [port];
    await using _aria2 = startAria2(scene.torrent, scene.seedDir, {
      port,
      seed: true,
      checkIntegrity: true,
    });
    await download(scene);
    const events = tracker.announces.map((query) => query.get("event"));
    assert(events.includes("started"));
  });
}
