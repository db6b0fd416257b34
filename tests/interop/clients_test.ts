// rTorrent 0.16 and Deluge 2.2: what they fetch from us we fetch from them, on one
// host that has nothing but its loopback.
import { bipOnNetwork } from "../support/bip_command.ts";
import { NetnsHosts } from "../support/netns_hosts.ts";
import { TempDir } from "../support/paths.ts";
import type { Child } from "../support/process.ts";
import {
  assertComplete,
  atOnce,
  magnetLink,
  onlyFrom,
  until,
} from "./discovery.ts";
import {
  type CommandLine,
  interopTest,
  NEWEST,
  type Program,
} from "./programs.ts";
import { Scene, type TorrentVersion } from "./scene.ts";

const ADDRESS = "10.9.0.1";

/** Where a client finds and leaves things. */
interface Place {
  /** A file or a link. */
  readonly source: string;
  readonly dir: string;
  readonly home: string;
  readonly port: number;
}

interface Client {
  readonly name: string;
  readonly programs: readonly Program[];
  command(place: Place): CommandLine;
  /** Lines of a shell that give it the torrent, where it must be told. */
  add?(place: Place): string;
}

const CLIENTS: readonly Client[] = [
  {
    name: "rTorrent 0.16",
    programs: ["rtorrent 0.16"],
    command: ({ source, dir, home, port }) => ({
      command: `${NEWEST}/rtorrent`,
      args: [
        ...["-n", "-d", dir, "-s", `${home}/session`, "-p", `${port}-${port}`],
        ...["-o", "system.daemon.set=true", source],
      ],
    }),
  },
  {
    name: "Deluge 2.2",
    programs: ["deluge 2.2"],
    command: ({ home }) => ({
      command: `${NEWEST}/deluged`,
      args: ["-d", "-c", home],
    }),
    add: ({ source, dir, home }) =>
      `${NEWEST}/deluge-console -c ${home} 'add -p ${dir} ${source}' | grep -i added`,
  },
];

/** Settings of Deluge; others have no such file. */
const settings = (port: number) =>
  JSON.stringify({ file: 1, format: 1 }) +
  JSON.stringify({
    listen_ports: [port, port],
    random_port: false,
    dht: false,
  });

async function makeHome(home: string, port: number) {
  await Deno.mkdir(`${home}/session`);
  await Deno.writeTextFile(`${home}/core.conf`, settings(port));
  return { home, port };
}

const KINDS: readonly [TorrentVersion, "file" | "link"][] = [
  ["v1", "file"],
  ["hybrid", "file"],
  ["v1", "link"],
];

for (const client of CLIENTS) {
  interopTest(`${client.name} and we exchange torrents`, [
    "ip",
    ...client.programs,
  ], async () => {
    await using hosts = await NetnsHosts.open(1);
    await hosts.run(0, `ip addr add ${ADDRESS}/24 dev lo`);
    await using stack = new AsyncDisposableStack();
    const start = (line: CommandLine, env: Record<string, string>): Child =>
      stack.use(hosts.start(0, line, { NO_COLOR: "1", ...env }));
    const bip = (...args: string[]) =>
      start(bipOnNetwork(args), { DENO_NO_UPDATE_CHECK: "1" });
    const tracker = bip(
      ...["tracker", "--listen", ADDRESS, "--http-port", "6969", "--json"],
    );
    await tracker.line("listening");
    const trackers = [`http://${ADDRESS}:6969/announce`];
    // What can be told of more torrents runs once.
    await using temp = new TempDir();
    const common = await makeHome(temp.path, 7800);
    if (client.add !== undefined) {
      const place = { source: "", dir: "", ...common };
      start(client.command(place), { HOME: common.home });
    }

    await atOnce([...KINDS.keys()], async (i) => {
      const [version, kind] = KINDS[i]!;
      // Another size makes another torrent.
      const files = { "a b/ä": 1_500_000 + i, c: 1 };
      await using scene = await Scene.create({ version, trackers, files });
      const link = await magnetLink(scene, { trackers });
      const source = kind === "file" ? scene.torrent : link;
      const seed = bip(
        ...["seed", scene.torrent, scene.seedDir, "--listen", ADDRESS],
        ...onlyFrom("trackers"),
      );
      await seed.line("tracker", ({ ok }) => ok === true);

      const { home, port } = client.add === undefined
        ? await makeHome(scene.folder(), 7801 + i)
        : common;
      const place = { source, dir: scene.folder(), home, port };
      if (client.add === undefined) {
        start(client.command(place), { HOME: home });
      }
      const add = client.add?.(place);
      if (add !== undefined) {
        await until(
          "it takes a torrent",
          () =>
            hosts.run(0, `HOME=${home}; ${add}`).then(() => true, () => false),
        );
      }
      await until(
        "it has everything",
        () => scene.compare(place.dir).then(() => true, () => false),
        45_000,
      );

      const dir = scene.folder();
      const download = bip(
        ...["download", kind === "file" ? scene.torrent : link, "-o", dir],
        ...["--peer", `${ADDRESS}:${port}`, "--timeout", "45"],
        ...onlyFrom(),
      );
      await assertComplete(scene, dir, await download.result);
    });
  });
}
