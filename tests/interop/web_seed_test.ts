import { assert, assertEquals } from "@std/assert";
import { startBip } from "../support/bip.ts";
import type { ChildLine } from "../support/process.ts";
import { Nginx } from "./nginx.ts";
import { interopTest, startLibtorrent } from "./programs.ts";
import { LOCAL, Scene, type SceneOptions } from "./scene.ts";

const KINDS: [string, SceneOptions][] = [
  ["v1 single-file", { version: "v1", files: 5_000_003 }],
  ["v1 multi-file", { version: "v1" }],
  ["hybrid multi-file", { version: "hybrid" }],
  ["v2-only multi-file", { version: "v2" }],
];

async function download(
  scene: Scene,
  ...args: string[]
): Promise<readonly ChildLine[]> {
  const dir = scene.folder();
  await using bip = startBip([
    "download",
    scene.torrent,
    "-o",
    dir,
    "--timeout",
    "60",
    "--no-trackers",
    ...LOCAL,
    ...args,
  ]);
  const { code, lines, stderr } = await bip.result;
  assertEquals(code, 0, `${JSON.stringify(lines.slice(-3))}\n${stderr}`);
  await scene.compare(dir);
  return lines;
}

for (const [kind, options] of KINDS) {
  for (const ranges of [true, false]) {
    interopTest(
      `download ${kind} from nginx ${
        ranges ? "with" : "without"
      } ranges, no peer`,
      ["nginx"],
      async () => {
        await using scene = await Scene.create(options);
        await using nginx = await Nginx.start(scene.seedDir, { ranges });
        await download(scene, "--web-seed", nginx.url);
        const answers = nginx.answers();
        assert(answers.every(([status]) => status === 200 || status === 206));
        assertEquals(answers.some(([status]) => status === 206), ranges);
      },
    );
  }
}

interopTest("download from nginx and a libtorrent seeder at a time", [
  "nginx",
  "libtorrent",
], async () => {
  const size = 40_000_000;
  await using scene = await Scene.create({
    files: { "a/ö.bin": size, "b": 9 },
  });
  // Slow enough that neither has all of it first.
  await using nginx = await Nginx.start(scene.seedDir, { rate: 8_000_000 });
  await using seeder = startLibtorrent("seed", scene.torrent, scene.seedDir);
  const { port } = await seeder.line("listening");
  const lines = await download(
    scene,
    "--web-seed",
    nginx.url,
    "--peer",
    `127.0.0.1:${port}`,
    "--down-limit",
    "20M",
  );
  assert(
    lines.some(({ type, state }) => type === "peer" && state === "connected"),
  );
  const bytes = nginx.answers().reduce((sum, [, bytes]) => sum + bytes, 0);
  assert(bytes > 0 && bytes < size, `${bytes}`);
});
