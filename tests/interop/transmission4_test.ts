// Transmission 4 and we exchange torrents of all kinds, with all its ways of
// encryption; what each shows of the other is so.
import { assert } from "@std/assert";
import { NETNS_HOSTS } from "../support/netns.ts";
import {
  assertComplete,
  atOnce,
  magnetLink,
  netnsTest,
  onlyFrom,
  startBipOn,
  until,
} from "./discovery.ts";
import { TRANSMISSIONS } from "./programs.ts";
import { Scene, type SceneOptions } from "./scene.ts";
import { TransmissionHost } from "./transmission_host.ts";

const [OURS, THEIRS] = NETNS_HOSTS;
const release = TRANSMISSIONS[1];

/** How torrents are exchanged. */
interface Case {
  readonly scene: SceneOptions;
  readonly byLink?: boolean;
  readonly encryption: 0 | 1 | 2;
  readonly utp?: boolean;
  /** Flags of us, which it downloads from. */
  readonly flags: RegExp;
}

const CASES: readonly Case[] = [
  { scene: { version: "v1" }, encryption: 2, flags: /^D.*E/ },
  { scene: { version: "hybrid" }, encryption: 1, flags: /^D.*E/ },
  { scene: { version: "v1" }, byLink: true, encryption: 0, flags: /^D[^E]*$/ },
  {
    scene: { version: "hybrid" },
    byLink: true,
    encryption: 2,
    utp: true,
    flags: /^TD.*E/,
  },
  {
    scene: { version: "v1", private: true },
    encryption: 0,
    utp: true,
    flags: /^TD/,
  },
];

await netnsTest("Transmission 4 and we exchange torrents of all kinds", [
  ...release.programs,
  "nft",
], async (pair) => {
  await using stack = new AsyncDisposableStack();
  const start = (...args: string[]) =>
    stack.use(startBipOn(pair, 0, [...args, "--listen", OURS.v4]));
  const tracker = start("tracker", "--port", "6969", "--json");
  await tracker.line("listening");
  const trackers = [`udp://${OURS.v4}:6969/announce`];

  await atOnce([...CASES.keys()], async (i) => {
    const { scene: kind, byLink, encryption, utp, flags } = CASES[i]!;
    const options = { encryption, utp: utp ?? false, release };

    const files = { "a b/ä": 1_500_000, c: 1 };
    await using scene = await Scene.create({ ...kind, trackers, files });
    const seed = start(
      ...["seed", scene.torrent, scene.seedDir, ...onlyFrom("trackers")],
    );
    await seed.line("tracker", ({ ok }) => ok === true);
    const theirDir = scene.folder();
    const port = 7100 + i;
    await using daemon = await TransmissionHost.start(pair, 1, theirDir, {
      port,
      ...options,
    });
    // Slow enough for somebody to look.
    await until("it answers", async () => {
      await daemon.remote("--downlimit", "700");
      return /700 kB/.test(await daemon.remote("-si"));
    });
    const shown = new Set<string>();
    let isDone = false;
    await Promise.all([
      daemon.download(
        byLink ? await magnetLink(scene, { trackers }) : scene.torrent,
      ).finally(() => isDone = true),
      until("it is done", async () => {
        for (const line of await daemon.peers()) shown.add(line);
        return isDone;
      }, 60_000),
    ]);
    await scene.compare(theirDir);
    const rows = [...shown].map((line) => line.trim().split(/ {2,}/));
    // Once our extension handshake is there: progress, and who we say that we are.
    const isRight = rows.some(([address, is, progress, ...rest]) =>
      address === OURS.v4 && flags.test(is!) && progress === "100" &&
      rest.at(-1) === "bip 0.1.0"
    );
    assert(isRight, [...shown].join("\n"));
    const { client } = await seed.line(
      "peer",
      ({ state }) => state === "connected",
    );
    assert(String(client).startsWith("Transmission 4."), String(client));

    // From them, who keep the padding of hybrid torrents as files.
    const dir = scene.folder();
    const bip = start(
      ...["download", byLink ? await magnetLink(scene) : scene.torrent],
      ...["-o", dir, "--peer", `${THEIRS.v4}:${port}`, "--timeout", "45"],
      ...onlyFrom(),
    );
    await assertComplete(scene, dir, await bip.result);
  });
});

await netnsTest("Transmission 4 tells us of a seed, and we tell it of one", [
  ...release.programs,
  "nft",
], async (pair) => {
  await using stack = new AsyncDisposableStack();
  const start = (...args: string[]) =>
    stack.use(startBipOn(pair, 0, [...args, "--listen", OURS.v4]));
  const slow = ["--down-limit", "20000"] as const;

  const theyTell = async () => {
    await using scene = await Scene.create();
    await using middle = await TransmissionHost.start(
      ...[pair, 1, scene.folder(), { port: 7300, pex: true, release }] as const,
    );
    const peer = `${THEIRS.v4}:7300`;
    await until("it answers", async () => {
      await middle.remote("--downlimit", "20");
      return (await middle.remote("--add", scene.torrent)).includes("success");
    });
    const bip = start(
      ...["seed", scene.torrent, scene.seedDir, "--peer", peer],
      ...onlyFrom(),
    );
    const { port } = await bip.line("listening");
    await until(
      "it knows the seed",
      async () => (await middle.peers()).length > 0,
    );
    const dir = scene.folder();
    const leecher = start(
      ...["download", await magnetLink(scene), "-o", dir, "--timeout", "45"],
      ...["--peer", peer, ...onlyFrom("pex")],
    );
    const result = await leecher.result;
    await assertComplete(scene, dir, result);
    assert(
      result.lines.some(({ type, address }) =>
        type === "peer" && address === `${OURS.v4}:${port}`
      ),
    );
  };

  const weTell = async () => {
    await using scene = await Scene.create();
    const seed = start(
      ...["seed", scene.torrent, scene.seedDir, ...onlyFrom()],
    );
    const { port } = await seed.line("listening");
    const dir = scene.folder();
    await using leecher = await TransmissionHost.start(
      ...[pair, 1, dir, { port: 7301, pex: true, release }] as const,
    );
    await until(
      "it answers",
      async () =>
        (await leecher.remote("--add", scene.torrent)).includes("success"),
    );
    start(
      ...["download", scene.torrent, "-o", scene.folder(), ...slow],
      ...["--peer", `${OURS.v4}:${port}`, "--peer", `${THEIRS.v4}:7301`],
      ...onlyFrom("pex"),
    );
    await until(
      "it has all",
      () => scene.compare(dir).then(() => true, () => false),
      60_000,
    );
    await seed.line(
      "peer",
      ({ client }) => String(client).startsWith("Transmission 4."),
    );
  };

  await atOnce([theyTell, weTell], (one) => one());
});
