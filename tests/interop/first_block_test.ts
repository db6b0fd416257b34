// Others with the settings they come with have their first block from our seed
// soon after they heard of it from a tracker: neither uTP nor encryption holds
// them up. They are on a host that has nothing but its loopback.
import { assert } from "@std/assert";
import { bipArguments } from "../support/bip_command.ts";
import { NetnsHosts } from "../support/netns_hosts.ts";
import { fromFileUrl } from "../support/paths.ts";
import type { Child } from "../support/process.ts";
import { until } from "./discovery.ts";
import {
  type CommandLine,
  interopTest,
  libtorrentCommand,
  NEWEST,
  type Program,
  TOOLS,
  type TransmissionRelease,
  TRANSMISSIONS,
  VENV_PYTHON,
} from "./programs.ts";
import { QBITTORRENT_API, writeSettings } from "./qbittorrent_host.ts";
import { Scene } from "./scene.ts";

/** From hearing of us to the first block, in ms. */
const LIMIT_MS = 2_000;
/** It looks whether it wants something every ten seconds. */
const TRANSMISSION_MS = 10_000;
/** A machine that is busy with other things gets so many chances. */
const CHANCES = 3;

/** Not on loopback: Transmission dials nobody there. */
const ADDRESS = "10.9.0.1";
const TRACKER_PORT = 6969;
const PORT = 7777;

/** Nothing leaves but for this host itself, and is told so at once. */
const WALL = "table inet w { chain o { type filter hook output priority 0; " +
  "ip daddr != { 10.9.0.0/24, 127.0.0.0/8 } reject; }; }";

/** Where a client finds and leaves things. */
interface Place {
  readonly torrent: string;
  /** Where what it fetches goes. */
  readonly dir: string;
  /** For what it remembers; there is a folder `session` in it. */
  readonly home: string;
}

/** A client of others. */
interface Client {
  readonly name: string;
  readonly programs: readonly Program[];
  /** What it finds at home. */
  prepare?(place: Place): Promise<void>;
  /** How it is started. */
  command(place: Place): CommandLine;
  /** Lines of a shell that give it the torrent, where it must be told. */
  add?(place: Place): string;
  /** How ours is started. @default {["--no-dht"]} */
  readonly ours?: readonly string[];
  /** What is due to its own clock. */
  readonly ownMs?: number;
}

const peer = (name: string) =>
  fromFileUrl(new URL(`./peers/${name}`, import.meta.url));

function leech(command: string) {
  return ({ torrent, dir }: Place) => {
    const { args } = libtorrentCommand("leech", torrent, dir);
    const more = ["--as-it-comes", "--listen", "0.0.0.0", "--stay"];
    return { command, args: [...args, ...more] };
  };
}

function deluge(
  name: string,
  programs: readonly Program[],
  bin: string,
): Client {
  return {
    name,
    programs,
    command: ({ home }) => ({
      command: `${bin}deluged`,
      args: ["-d", "-c", home],
    }),
    add: ({ home, dir, torrent }) =>
      `${bin}deluge-console -c ${home} 'add -p ${dir} ${torrent}' | grep -i added`,
  };
}

function rtorrent(
  name: string,
  programs: readonly Program[],
  bin: string,
): Client {
  return {
    name,
    programs,
    command: ({ home, dir, torrent }) => ({
      command: `${bin}rtorrent`,
      args: [
        ...["-n", "-d", dir, "-s", `${home}/session`],
        ...["-o", "system.daemon.set=true", torrent],
      ],
    }),
  };
}

function qbittorrent(
  name: string,
  programs: readonly Program[],
  bin: string,
): Client {
  return {
    name,
    programs: [...programs, "curl"],
    prepare: ({ home }) => writeSettings(home),
    command: ({ home }) => ({
      command: `${bin}qbittorrent-nox`,
      args: [`--profile=${home}`],
    }),
    add: ({ dir, torrent }) =>
      "curl -sSf --max-time 5 " +
      `-F 'torrents=@${torrent}' -F 'savepath=${dir}' ${QBITTORRENT_API}/torrents/add`,
  };
}

function transmission(release: TransmissionRelease): Client {
  const { name, programs, daemon, remote } = release;
  return {
    name,
    programs,
    command: ({ home, dir }) => ({
      command: daemon,
      args: ["--foreground", "--config-dir", home, "-w", dir],
    }),
    add: ({ torrent }) => `${remote} --add '${torrent}' | grep success`,
    ownMs: TRANSMISSION_MS,
  };
}

const CLIENTS: readonly Client[] = [
  {
    name: "libtorrent, where we have no uTP,",
    programs: ["libtorrent"],
    command: leech("/usr/bin/python3"),
    ours: ["--utp", "off"],
  },
  {
    name: "libtorrent 2.0",
    programs: ["libtorrent"],
    command: leech("/usr/bin/python3"),
  },
  {
    name: "libtorrent 2.1",
    programs: ["libtorrent 2.1"],
    command: leech(VENV_PYTHON),
  },
  deluge("Deluge", ["deluged", "deluge-console"], ""),
  deluge("Deluge 2.2", ["deluge 2.2"], `${NEWEST}/`),
  rtorrent("rTorrent", ["rtorrent"], ""),
  rtorrent("rTorrent 0.16", ["rtorrent 0.16"], `${NEWEST}/`),
  {
    name: "aria2",
    programs: ["aria2c"],
    command: ({ dir, torrent }) => ({
      command: "aria2c",
      args: ["--no-conf", `--dir=${dir}`, torrent],
    }),
  },
  qbittorrent("qBittorrent", ["qbittorrent-nox"], ""),
  qbittorrent("qBittorrent 5", ["qbittorrent 5"], `${NEWEST}/`),
  ...TRANSMISSIONS.map(transmission),
  {
    name: "WebTorrent",
    programs: ["webtorrent"],
    command: ({ dir, torrent }) => ({
      command: "node",
      args: [peer("webtorrent_leech.mjs"), `${TOOLS}/webtorrent`, torrent, dir],
    }),
  },
  {
    name: "rqbit",
    programs: ["rqbit"],
    command: ({ dir, torrent }) => ({
      command: VENV_PYTHON,
      args: [peer("rqbit_leech.py"), torrent, dir],
    }),
  },
];

/** Starts everything; the ms from its announce to the first block. */
async function measure(client: Client): Promise<number> {
  const url = `http://${ADDRESS}:${TRACKER_PORT}/announce`;
  await using scene = await Scene.create({ files: 1_000_000, trackers: [url] });
  await using hosts = await NetnsHosts.open(1);
  await hosts.run(0, `ip addr add ${ADDRESS}/24 dev lo`);
  // Transmission 4 has no UDP where no route leads out; here nothing gets out.
  await hosts.run(
    0,
    `ip route add default dev lo src ${ADDRESS}; nft '${WALL}'`,
  );
  await using stack = new AsyncDisposableStack();
  const start = (line: CommandLine, env: Record<string, string> = {}): Child =>
    stack.use(hosts.start(0, line, { NO_COLOR: "1", ...env }));
  const deno = Deno.execPath();

  const seed = ["seed", scene.torrent, scene.seedDir, "--json"];
  const { ours = ["--no-dht"] } = client;
  const alone = [...ours, "--no-lpd", "--no-port-map", "--no-trackers"];
  const bip = start({
    command: deno,
    args: bipArguments([...seed, ...alone, "--port", `${PORT}`], {
      flags: ["--unstable-net"],
      permissions: ["-A"],
    }),
  });
  await bip.line("state", ({ state }) => state === "seeding");
  const script = ["run", "-A", "--no-config", peer("fixed_tracker.ts")];
  const tracker = start({
    command: deno,
    args: [...script, ADDRESS, `${TRACKER_PORT}`, `${PORT}`],
  });
  await tracker.line("listening");

  const home = scene.folder();
  const place = { torrent: scene.torrent, dir: scene.folder(), home };
  await Deno.mkdir(`${home}/session`);
  await client.prepare?.(place);
  const other = start(client.command(place), { HOME: home });
  const add = client.add?.(place);
  if (add !== undefined) {
    await until(
      `${client.name} takes a torrent`,
      () => hosts.run(0, `HOME=${home}; ${add}`).then(() => true, () => false),
    );
  }
  await tracker.line("announce");
  const heardAt = performance.now();
  await until(
    `a block is sent: ${other.stderr}`,
    () => bip.lines.some(({ uploaded }) => Number(uploaded) > 0),
  );
  return performance.now() - heardAt;
}

for (const client of CLIENTS) {
  interopTest(
    `${client.name}'s first block comes soon`,
    ["ip", "nft", ...client.programs],
    async () => {
      const limit = LIMIT_MS + (client.ownMs ?? 0);
      const took: number[] = [];
      while (took.length < CHANCES && !took.some((ms) => ms <= limit)) {
        took.push(await measure(client));
      }
      assert(Math.min(...took) <= limit, `${took} ms`);
    },
  );
}
