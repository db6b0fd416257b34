import { assert, assertEquals } from "@std/assert";
import { startBip } from "../support/bip.ts";
import type { Child } from "../support/process.ts";
import {
  FixedTracker,
  freePort,
  interopTest,
  startAria2,
  startLibtorrent,
} from "./programs.ts";
import { LOCAL, Scene, type SceneOptions } from "./scene.ts";

const KINDS: [string, SceneOptions][] = [
  ["v1 single-file", { version: "v1", files: 5_000_003 }],
  ["v1 multi-file", { version: "v1" }],
  ["hybrid multi-file", { version: "hybrid" }],
  ["v2-only multi-file", { version: "v2" }],
];

function seed(scene: Scene, ...args: string[]): Child {
  return startBip(["seed", scene.torrent, scene.seedDir, ...LOCAL, ...args]);
}

for (const [kind, options] of KINDS) {
  interopTest(`seed ${kind} to libtorrent`, ["libtorrent"], async () => {
    await using scene = await Scene.create(options);
    await using bip = seed(scene, "--no-trackers");
    const { port } = await bip.line("listening");
    const dir = scene.folder();
    await using leecher = startLibtorrent(
      "leech",
      scene.torrent,
      dir,
      "--peer",
      `127.0.0.1:${port}`,
      "--seconds",
      "60",
    );
    const { code, lines } = await leecher.result;
    assertEquals(code, 0, JSON.stringify(lines) + bip.stderr);
    await scene.compare(dir);
    bip.kill("SIGINT");
    const stopped = Date.now();
    assertEquals((await bip.result).code, 130);
    assert(Date.now() - stopped < 5000, "stops within five seconds");
  });
}

// aria2 1.36 computes an info-hash of its own for hybrid torrents.
for (const [kind, options] of KINDS.slice(0, 2)) {
  interopTest(`seed ${kind} to aria2 through an HTTP tracker`, [
    "aria2c",
  ], async () => {
    await using tracker = new FixedTracker();
    await using scene = await Scene.create({
      ...options,
      trackers: [tracker.url],
    });
    await using bip = seed(scene);
    const { port } = await bip.line("listening");
    tracker.peerPorts = [port as number];
    const dir = scene.folder();
    await using aria2 = startAria2(scene.torrent, dir, { port: freePort() });
    const { code, stderr } = await aria2.result;
    assertEquals(code, 0, stderr);
    await scene.compare(dir);
  });
}
