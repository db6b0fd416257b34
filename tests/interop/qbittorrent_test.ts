// qBittorrent as it comes, and with encryption forced, in both directions.
import { assert, assertEquals } from "@std/assert";
import { magnetLink, until } from "./discovery.ts";
import { interopTest, NEWEST, type Program } from "./programs.ts";
import { PORT, QBittorrent, type QPeer } from "./qbittorrent_host.ts";
import { Scene, type TorrentVersion } from "./scene.ts";

const PROGRAMS: readonly Program[] = ["qbittorrent-nox", "ip", "curl"];
/** Nobody but who is named. */
const ALONE = [
  ...["--no-dht", "--no-lpd", "--no-port-map", "--no-trackers", "--json"],
] as const;

/** Torrents, by file or by link. */
const KINDS: readonly [TorrentVersion, string][] = [
  ["v1", "file"],
  ["hybrid", "file"],
  ["v1", "magnet"],
];

for (const isForced of [false, true]) {
  const how = isForced ? "that forces encryption" : "as it comes";
  for (const [version, kind] of KINDS) {
    const sourceOf = async (scene: Scene) =>
      kind === "file" ? scene.torrent : await magnetLink(scene);
    interopTest(
      `download ${version} by ${kind} from qBittorrent ${how}`,
      PROGRAMS,
      async () => {
        await using scene = await Scene.create({ version });
        await using other = await QBittorrent.start(isForced);
        await other.add(scene.torrent, scene.seedDir, true);
        const dir = scene.folder();
        const { code, lines, stderr } = await other.startBip(
          ...["download", await sourceOf(scene), "-o", dir, ...ALONE],
          ...["--peer", `127.0.0.1:${PORT}`, "--timeout", "60"],
        ).result;
        assertEquals(code, 0, `${JSON.stringify(lines.slice(-3))}\n${stderr}`);
        await scene.compare(dir);
      },
    );

    interopTest(
      `seed ${version} by ${kind} to qBittorrent ${how}`,
      PROGRAMS,
      async () => {
        await using scene = await Scene.create({ version });
        await using other = await QBittorrent.start(isForced);
        const bip = other.startBip(
          ...["seed", scene.torrent, scene.seedDir, ...ALONE, "--port", "0"],
        );
        const { port } = await bip.line("listening");
        const dir = scene.folder();
        await other.add(await sourceOf(scene), dir, false);
        await other.addPeer(`127.0.0.1:${port}`);
        let errors = 0;
        await until("it has everything", async () => {
          const [torrent] = await other.all();
          // Of libtorrent 2.0's own making: see libtorrent_peer.py.
          if (torrent?.state === "error" && ++errors <= 2) await other.resume();
          return torrent?.progress === 1;
        }, 60_000);
        await until(
          "it is written",
          () => scene.compare(dir).then(() => true, () => false),
        );
      },
    );
  }
}

interopTest("qBittorrent 5 and we exchange torrents of all kinds", [
  ...["qbittorrent 5", "ip", "curl"] as const,
], async () => {
  await using other = await QBittorrent.start(
    false,
    `${NEWEST}/qbittorrent-nox`,
  );
  await using stack = new AsyncDisposableStack();
  const ours = ["--port", "0", ...ALONE] as const;
  const seen: QPeer[] = [];
  for (const version of ["v1", "hybrid"] as const) {
    const scene = stack.use(await Scene.create({ version }));
    await other.add(scene.torrent, scene.seedDir, true);
    for (const source of [scene.torrent, await magnetLink(scene)]) {
      const dir = scene.folder();
      const { code, stderr } = await other.startBip(
        ...["download", source, "-o", dir, "--timeout", "60", ...ours],
        ...["--peer", `127.0.0.1:${PORT}`],
      ).result;
      assertEquals(code, 0, stderr);
      await scene.compare(dir);
    }
  }
  const before = new Set((await other.all()).map(({ hash }) => hash));
  const hashes: string[] = [];
  const dirs: [Scene, string][] = [];
  for (const version of ["v1", "hybrid"] as const) {
    for (const byLink of [false, true]) {
      // Another size makes another torrent.
      const files = { a: 1_500_000, b: byLink ? 1 : 2 };
      const scene = stack.use(await Scene.create({ version, files }));
      const bip = other.startBip(
        ...["seed", scene.torrent, scene.seedDir, ...ours],
        ...["--up-limit", "700000"],
      );
      const { port } = await bip.line("listening");
      const dir = scene.folder();
      await other.add(
        ...[
          byLink ? await magnetLink(scene) : scene.torrent,
          dir,
          false,
        ] as const,
      );
      // One peer an address is all that it takes.
      const all = await other.all();
      const added = all.find(({ hash }) => !before.has(hash))!.hash;
      before.add(added);
      await other.addPeer(`127.0.0.1:${port}`, added);
      hashes.push(added);
      dirs.push([scene, dir]);
    }
  }
  let errors = 0;
  await until("it has everything", async () => {
    const torrents = (await other.all())
      .filter(({ hash }) => hashes.includes(hash));
    for (const { hash, state } of torrents) {
      seen.push(...await other.peers(hash));
      // Of libtorrent 2.0's own making: see libtorrent_peer.py.
      if (state === "error" && ++errors <= 8) await other.resume();
    }
    return torrents.length === dirs.length &&
      torrents.every(({ progress }) => progress === 1);
  }, 60_000);
  for (const [scene, dir] of dirs) {
    await until(
      "it is written",
      () => scene.compare(dir).then(() => true, () => false),
    );
  }
  const us = seen.filter(({ client }) => client === "bip 0.1.0");
  assert(us.some(({ progress }) => progress === 1), JSON.stringify(seen));
  assert(us.some(({ flags }) => flags.includes("D")), JSON.stringify(us));
});
