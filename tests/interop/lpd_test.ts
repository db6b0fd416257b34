// Local discovery (BEP 14) between two hosts of a network made for each test.
import { assertEquals } from "@std/assert";
import { toHex } from "../../_shared/bytes.ts";
import { fromFileUrl } from "../support/paths.ts";
import { NETNS_HOSTS } from "../support/netns.ts";
import {
  assertComplete,
  atOnce,
  magnetLink,
  netnsTest,
  onlyFrom,
  readMetainfo,
  startBipOn,
  startDenoOn,
  startOn,
} from "./discovery.ts";
import { libtorrentCommand } from "./programs.ts";
import { Scene, type TorrentVersion } from "./scene.ts";

const VERSIONS: readonly TorrentVersion[] = ["v1", "hybrid", "v2"];
const [ONE, TWO] = NETNS_HOSTS;

for (const first of ["seeder", "leecher"] as const) {
  await netnsTest(`we find libtorrent, the ${first} is there first`, [
    "libtorrent",
  ], (pair) =>
    atOnce(VERSIONS, async (version) => {
      await using scene = await Scene.create({ version });
      await using stack = new AsyncDisposableStack();
      const dir = scene.folder();
      const link = await magnetLink(scene);
      const startSeeder = async () => {
        const { command, args } = libtorrentCommand(
          ...["seed", scene.torrent, scene.seedDir],
          ...["--listen", TWO.v4, "--lsd"],
        );
        const seeder = stack.use(startOn(pair, 1, { command, args }));
        await seeder.line("listening");
      };
      if (first === "seeder") await startSeeder();
      const bip = stack.use(startBipOn(pair, 0, [
        ...["download", link, "-o", dir, "--timeout", "45"],
        ...["--listen", ONE.v4, ...onlyFrom("lpd")],
      ]));
      await bip.line("listening");
      if (first === "leecher") await startSeeder();
      await assertComplete(scene, dir, await bip.result);
    }));

  await netnsTest(`libtorrent finds us, the ${first} is there first`, [
    "libtorrent",
  ], (pair) =>
    atOnce(VERSIONS, async (version) => {
      await using scene = await Scene.create({ version });
      await using stack = new AsyncDisposableStack();
      const dir = scene.folder();
      const link = await magnetLink(scene);
      const startSeeder = async () => {
        const bip = stack.use(startBipOn(pair, 0, [
          ...["seed", scene.torrent, scene.seedDir],
          ...["--listen", ONE.v4, ...onlyFrom("lpd")],
        ]));
        await bip.line("state", ({ state }) => state === "seeding");
      };
      if (first === "seeder") await startSeeder();
      const leecher = stack.use(startOn(
        pair,
        1,
        libtorrentCommand(
          ...["leech", link, dir, "--listen", TWO.v4, "--lsd"],
          ...["--seconds", "45"],
        ),
      ));
      await leecher.line("listening");
      if (first === "leecher") await startSeeder();
      const { code, lines, stderr } = await leecher.result;
      assertEquals(code, 0, `${JSON.stringify(lines)}\n${stderr}`);
      await scene.compare(dir);
    }));
}

await netnsTest(
  "a private torrent is told to nobody nearby",
  [],
  (pair) =>
    atOnce([true, false], async (isPrivate) => {
      await using scene = await Scene.create({
        private: isPrivate,
        files: isPrivate ? 90_000 : 80_000,
      });
      const { infoHash } = await readMetainfo(scene);
      await using watcher = startDenoOn(pair, 1, [
        fromFileUrl(new URL("../support/lpd_child.ts", import.meta.url)),
        toHex(infoHash),
        "0",
      ]);
      await watcher.line("listening");
      await using bip = startBipOn(pair, 0, [
        ...["seed", scene.torrent, scene.seedDir],
        ...["--listen", ONE.v4, ...onlyFrom("lpd")],
      ]);
      await bip.line("state", ({ state }) => state === "seeding");
      const { port } = await bip.line("listening");
      if (!isPrivate) {
        const peer = await watcher.line("peer");
        assertEquals([peer.hostname, peer.port], [ONE.v4, port]);
      }
      await new Promise((resolve) => setTimeout(resolve, 3000));
      await watcher.line("stats");
      assertEquals(
        watcher.lines.some(({ type }) => type === "peer"),
        !isPrivate,
      );
    }),
);
