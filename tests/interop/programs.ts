/**
 * The other clients: where they are, how to start them on loopback, and what
 * happens without them. A missing program is a reported skip; with
 * BIP_REQUIRE_PEERS=1 it is a failure.
 */
import { TempDir } from "../support/paths.ts";
import { fromFileUrl } from "../support/paths.ts";
import { Child } from "../support/process.ts";

/**
 * Where programs stand that Debian does not package: versitygw, a Python
 * environment with transmission-rpc, a node_modules folder.
 */
export const TOOLS: string = Deno.env.get("BIP_TOOLS") ??
  `${
    Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME")}/.cache`
  }/bip-tools`;

/** Where programs of Debian's newest suite stand. */
export const NEWEST: string = `${TOOLS}/newest/bin`;
const NEWEST_INSTALL = ".ci/newest $BIP_TOOLS/newest transmission-daemon " +
  "transmission-cli qbittorrent-nox rtorrent deluged deluge-console";

/** Programs that tests may need, and how to install each. */
const INSTALL = {
  libtorrent: "apt-get install python3-libtorrent",
  aria2c: "apt-get install aria2",
  "transmission-daemon": "apt-get install transmission-daemon",
  "transmission-remote": "apt-get install transmission-cli",
  mktorrent: "apt-get install mktorrent",
  opentracker: "apt-get install opentracker",
  nginx: "apt-get install nginx-light",
  "qbittorrent-nox": "apt-get install qbittorrent-nox",
  miniupnpd: "apt-get install miniupnpd",
  danted: "apt-get install dante-server",
  chromium: "apt-get install chromium",
  chromedriver: "apt-get install chromium-driver",
  ffmpeg: "apt-get install ffmpeg",
  promtool: "apt-get install prometheus",
  curl: "apt-get install curl",
  "systemd-analyze": "apt-get install systemd",
  python3: "apt-get install python3",
  openssl: "apt-get install openssl",
  nft: "apt-get install nftables",
  ip: "apt-get install iproute2",
  versitygw:
    "GOBIN=$BIP_TOOLS go install github.com/versity/versitygw/cmd/versitygw@v1.8.0",
  "transmission-rpc": "$BIP_TOOLS/venv/bin/pip install transmission-rpc",
  stig: "$BIP_TOOLS/venv/bin/pip install stig==0.15.0a0",
  "@ctrl/transmission":
    "npm install --prefix $BIP_TOOLS/ctrl @ctrl/transmission",
  deluged: "apt-get install deluged",
  "deluge-console": "apt-get install deluge-console",
  rtorrent: "apt-get install rtorrent",
  "libtorrent 2.1": "$BIP_TOOLS/venv/bin/pip install libtorrent",
  rqbit: "$BIP_TOOLS/venv/bin/pip install pyrqbit",
  webtorrent:
    "npm install --ignore-scripts --prefix $BIP_TOOLS/webtorrent webtorrent@3",
  "utp-native":
    "npm install --prefix $BIP_TOOLS --ignore-scripts utp-native@2.5.3",
  "transmission 4": NEWEST_INSTALL,
  "qbittorrent 5": NEWEST_INSTALL,
  "rtorrent 0.16": NEWEST_INSTALL,
  "deluge 2.2": NEWEST_INSTALL,
} as const;

/** A program of another project. */
export type Program = keyof typeof INSTALL;

const PYTHON = "/usr/bin/python3";
/** It sees what no package of Debian has. */
export const VENV_PYTHON: string = `${TOOLS}/venv/bin/python`;
const REQUIRED = Deno.env.get("BIP_REQUIRE_PEERS") === "1";

function runs(command: string, args: string[]): boolean {
  try {
    new Deno.Command(command, {
      args,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).outputSync();
    return true;
  } catch {
    return false;
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

function imports(python: string, module: string): boolean {
  try {
    return new Deno.Command(python, {
      args: ["-c", `import ${module}`],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).outputSync().success;
  } catch {
    return false;
  }
}

/** How to find what is no command. */
const FIND: { readonly [name in Program]?: () => boolean } = {
  libtorrent: () => imports(PYTHON, "libtorrent"),
  "libtorrent 2.1": () => imports(VENV_PYTHON, "libtorrent"),
  rqbit: () => imports(VENV_PYTHON, "pyrqbit"),
  "transmission-rpc": () => imports(VENV_PYTHON, "transmission_rpc"),
  versitygw: () => runs(`${TOOLS}/versitygw`, ["--version"]),
  chromium: () => runs("chromium", ["--version"]),
  webtorrent: () => exists(`${TOOLS}/webtorrent/node_modules/webtorrent`),
  "@ctrl/transmission": () =>
    exists(`${TOOLS}/ctrl/node_modules/@ctrl/transmission`),
  stig: () => exists(`${TOOLS}/venv/bin/stig`),
  "utp-native": () => exists(`${TOOLS}/node_modules/utp-native`),
  "transmission 4": () => exists(`${NEWEST}/transmission-daemon`),
  "qbittorrent 5": () => exists(`${NEWEST}/qbittorrent-nox`),
  "rtorrent 0.16": () => exists(`${NEWEST}/rtorrent`),
  "deluge 2.2": () => exists(`${NEWEST}/deluged`),
};

const present = new Map<Program, boolean>();

/** Whether a program can be run. */
export function hasProgram(program: Program): boolean {
  let found = present.get(program);
  if (found === undefined) {
    found = FIND[program]?.() ?? runs(program, ["-h"]);
    present.set(program, found);
  }
  return found;
}

/** Registers a test that needs other programs. */
export function interopTest(
  name: string,
  programs: readonly Program[],
  fn: () => Promise<void>,
): void {
  const missing = programs.filter((program) => !hasProgram(program));
  const how = missing.map((program) => INSTALL[program]).join("; ");
  if (missing.length > 0 && REQUIRED) {
    Deno.test(name, () => {
      throw new Error(`Missing ${missing.join(", ")}: ${how}`);
    });
    return;
  }
  Deno.test({
    name: missing.length === 0
      ? name
      : `${name} (skipped: ${missing.join(", ")} missing: ${how})`,
    ignore: missing.length > 0,
    fn,
  });
}

/** A program and its arguments. */
export interface CommandLine {
  readonly command: string;
  readonly args: string[];
}

function python(script: string, args: readonly string[]): CommandLine {
  const path = fromFileUrl(new URL(`./peers/${script}`, import.meta.url));
  return { command: PYTHON, args: [path, ...args] };
}

/** How to start a libtorrent peer. */
export function libtorrentCommand(...args: string[]): CommandLine {
  return python("libtorrent_peer.py", args);
}

/** Starts a libtorrent peer; its first line is `listening` with the port. */
export function startLibtorrent(...args: string[]): Child {
  const { command, args: all } = libtorrentCommand(...args);
  return new Child(command, { args: all });
}

/** Starts a DHT node of libtorrent; its first line is `listening`. */
export function startLibtorrentDht(...args: string[]): Child {
  const { command, args: all } = python("libtorrent_dht.py", args);
  return new Child(command, { args: all });
}

/** A TCP port of loopback that was free a moment ago. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}

/** Starts aria2c for one torrent, loopback and tracker only. */
export function startAria2(
  torrent: string,
  dir: string,
  options: {
    port: number;
    seed?: boolean;
    checkIntegrity?: boolean;
    /** Speak to UDP trackers: aria2 does so only through its DHT's socket. */
    udpTrackers?: boolean;
    /** Take encrypted connections only, RC4. */
    encrypted?: boolean;
  },
): Child {
  return new Child("aria2c", {
    args: [
      "--no-conf",
      ...(options.udpTrackers
        ? [
          "--enable-dht=true",
          `--dht-listen-port=${options.port}`,
          `--dht-file-path=${dir}.dht`,
        ]
        : ["--enable-dht=false"]),
      "--enable-dht6=false",
      ...(options.encrypted
        ? ["--bt-require-crypto=true", "--bt-min-crypto-level=arc4"]
        : []),
      "--bt-stop-timeout=60",
      "--bt-enable-lpd=false",
      "--enable-peer-exchange=false",
      "--disable-ipv6=true",
      "--interface=127.0.0.1",
      "--allow-overwrite=true",
      "--file-allocation=none",
      "--bt-tracker-interval=1",
      `--listen-port=${options.port}`,
      `--check-integrity=${options.checkIntegrity ?? false}`,
      options.seed ? "--seed-ratio=0.0" : "--seed-time=0",
      "--summary-interval=0",
      `--dir=${dir}`,
      torrent,
    ],
  });
}

/** A Transmission: Debian's own, or the newest. */
export interface TransmissionRelease {
  readonly name: string;
  readonly programs: readonly Program[];
  /** Command of the daemon. */
  readonly daemon: string;
  /** Command of its remote. */
  readonly remote: string;
}

/** Both of them. */
export const TRANSMISSIONS: readonly [
  TransmissionRelease,
  TransmissionRelease,
] = [{
  name: "Transmission",
  programs: ["transmission-daemon", "transmission-remote"],
  daemon: "transmission-daemon",
  remote: "transmission-remote",
}, {
  name: "Transmission 4",
  programs: ["transmission 4"],
  daemon: `${NEWEST}/transmission-daemon`,
  remote: `${NEWEST}/transmission-remote`,
}];

/** A transmission daemon with one torrent, on loopback. */
export class Transmission implements AsyncDisposable {
  readonly peerPort: number = freePort();
  readonly rpcPort: number = freePort();
  readonly #config = new TempDir();
  readonly #child: Child;
  readonly #remote: string;

  /** Encryption is 0 (tolerated), 1 (preferred) or 2 (required). */
  constructor(
    dir: string,
    encryption: 0 | 1 | 2 = 0,
    { daemon, remote }: TransmissionRelease = TRANSMISSIONS[0],
  ) {
    this.#remote = remote;
    Deno.writeTextFileSync(
      this.#config.join("settings.json"),
      JSON.stringify({
        "bind-address-ipv4": "127.0.0.1",
        "dht-enabled": false,
        "lpd-enabled": false,
        "pex-enabled": false,
        "utp-enabled": false,
        "port-forwarding-enabled": false,
        "peer-port": this.peerPort,
        "rpc-bind-address": "127.0.0.1",
        "rpc-port": this.rpcPort,
        "download-dir": dir,
        encryption,
      }),
    );
    this.#child = new Child(daemon, {
      args: ["--foreground", "--config-dir", this.#config.path],
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Waits until it answers. */
  async ready(): Promise<void> {
    const end = Date.now() + 30_000;
    while (!(await this.remote("-st")).includes("CURRENT SESSION")) {
      if (Date.now() > end) throw new Error("transmission-daemon stays silent");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Runs transmission-remote against the daemon. */
  async remote(...args: string[]): Promise<string> {
    const { stdout } = await new Deno.Command(this.#remote, {
      args: [`127.0.0.1:${this.rpcPort}`, ...args],
      stdin: "null",
      stderr: "null",
    }).output();
    return new TextDecoder().decode(stdout);
  }

  /** Adds a torrent whose data is in the folder and waits until it seeds. */
  async seed(torrent: string): Promise<void> {
    const end = Date.now() + 30_000;
    while (!(await this.remote("--add", torrent)).includes("success")) {
      if (Date.now() > end) {
        throw new Error("transmission-daemon does not start");
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await this.remote("-t", "1", "--verify");
    while (!/100%/.test(await this.remote("-t", "1", "-i"))) {
      if (Date.now() > end) {
        throw new Error("transmission-daemon does not seed");
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]();
    await this.#config[Symbol.asyncDispose]();
  }
}

/** A tracker that answers every announce with the same peers (BEP 3, 23). */
export class FixedTracker implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly announces: URLSearchParams[] = [];
  /** Ports on 127.0.0.1 that are told to everybody. */
  peerPorts: readonly number[] = [];

  constructor() {
    this.#server = Deno.serve({
      hostname: "127.0.0.1",
      port: 0,
      onListen: () => {},
    }, (request) => {
      this.announces.push(new URL(request.url).searchParams);
      const peers = this.peerPorts.flatMap((
        port,
      ) => [127, 0, 0, 1, port >> 8, port & 255]);
      const head = new TextEncoder().encode(
        `d8:completei1e10:incompletei1e8:intervali60e5:peers${peers.length}:`,
      );
      return new Response(new Uint8Array([...head, ...peers, 0x65]));
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/announce`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}
