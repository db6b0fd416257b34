import { assertEquals } from "@std/assert";
import { startBip } from "../support/bip.ts";
import type { Child } from "../support/process.ts";
import {
  FixedTracker,
  freePort,
  interopTest,
  startAria2,
  startLibtorrent,
} from "./programs.ts";
import { LOCAL, Scene } from "./scene.ts";

interopTest("a mixed swarm of ours and theirs completes everywhere", [
  "libtorrent",
  "aria2c",
], async () => {
  await using tracker = new FixedTracker();
  await using scene = await Scene.create({
    trackers: [tracker.url],
    files: { "big.bin": 20_000_003, "ö/small.txt": 17, "none": 0 },
  });
  await using stack = new AsyncDisposableStack();
  const ports: number[] = [];
  const seeder = stack.use(
    startLibtorrent("seed", scene.torrent, scene.seedDir),
  );
  ports.push((await seeder.line("listening")).port as number);
  tracker.peerPorts = [...ports];

  const ours: [Child, string][] = [];
  for (let i = 0; i < 3; i++) {
    const dir = scene.folder();
    const child = stack.use(startBip([
      "download",
      scene.torrent,
      "-o",
      dir,
      "--timeout",
      "90",
      "--seed",
      "--seed-time",
      "600",
      ...LOCAL,
    ]));
    ours.push([child, dir]);
    ports.push((await child.line("listening")).port as number);
    tracker.peerPorts = [...ports];
  }
  const theirs: [Child, string][] = [];
  const dir = scene.folder();
  theirs.push([
    stack.use(startLibtorrent(
      "leech",
      scene.torrent,
      dir,
      "--stay",
      "--peer",
      `127.0.0.1:${ports[1]}`,
      "--seconds",
      "90",
    )),
    dir,
  ]);
  const ariaDir = scene.folder();
  const aria2 = stack.use(
    startAria2(scene.torrent, ariaDir, { port: freePort() }),
  );
  for (const [child, folder] of [...ours, ...theirs]) {
    await child.line("complete");
    await scene.compare(folder);
  }
  assertEquals((await aria2.result).code, 0, aria2.stderr);
  await scene.compare(ariaDir);
});
