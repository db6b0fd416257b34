/**
 * `bip daemon`: looks after torrents until it is stopped.
 *
 * @module
 */
import { aborted } from "../../_shared/abort.ts";
import { formatEndpoint } from "../../_shared/address.ts";
import { decodeTextLossy } from "../../_shared/bytes.ts";
import type { Daemon } from "../../daemon/daemon.ts";
import type { DaemonServer } from "../../daemon/daemon_server.ts";
import { DaemonError } from "../../daemon/error.ts";
import {
  type DaemonSettings,
  DEFAULT_SETTINGS,
} from "../../daemon/settings.ts";
import type { Arguments, Verb, VerbContext } from "../command.ts";
import { CommandError, describeError, UsageError } from "../error.ts";
import { EXIT_DONE, EXIT_IO, EXIT_USAGE } from "../exit_code.ts";
import { listenError } from "../io_error.ts";
import { LOGIN_OPTIONS, readLogin, readSecret } from "../login.ts";
import { nearest } from "../nearest.ts";
import { folderOf } from "../paths.ts";
import { readFile } from "../read_file.ts";
import { onHangUp } from "../signals.ts";
import { safeText } from "../text.ts";
import { loadBlocklists } from "../transfer/blocklist.ts";
import { ALLOCATION_OPTION } from "../transfer/policies.ts";
import {
  NETWORK_OPTIONS,
  type NetworkPlan,
  openSession,
  planNetwork,
  where,
} from "../transfer/transfer.ts";
import { fetchTorrent } from "../torrent/fetch_torrent.ts";
import { makeFolder } from "../torrent/folders.ts";
import { DaemonLog, LOG_LEVELS } from "./daemon_log.ts";
import {
  absolute,
  overridesOf,
  rpcAddressOf,
  sessionPlan,
} from "./daemon_plan.ts";
import { ServiceManager } from "./service_manager.ts";
import { tidyMemory } from "./tidy_memory.ts";

/** Bytes a second that do not count as work. */
const QUIET_RATE = 10_000;
/** How often a stop says what it waits for, in milliseconds. */
const PATIENCE_MS = 1_000;

/** Where the state is kept unless a person says: where the system has such. */
function defaultState(): string {
  const read = (variable: string) => {
    const { state } = Deno.permissions.querySync({ name: "env", variable });
    return state === "granted" && Deno.env.get(variable) || undefined;
  };
  const given = read("STATE_DIRECTORY")?.split(":")[0];
  if (given !== undefined) return `${given}/daemon.db`;
  const home = read("HOME") ?? read("USERPROFILE");
  const base = read("XDG_STATE_HOME") ?? (home && `${home}/.local/state`);
  return base === undefined ? "daemon.db" : `${base}/bip/daemon.db`;
}

/** Reads `--settings`: JSON with some of the settings. */
async function readSettingsFile(
  args: Arguments,
  signal: AbortSignal,
): Promise<Partial<DaemonSettings>> {
  const path = args.get("settings");
  if (path === undefined) return {};
  const bytes = await readFile(path, {
    limit: 1024 * 1024,
    kind: "settings",
    exitCode: EXIT_USAGE,
    signal,
  });
  let place = "";
  try {
    const value = JSON.parse(decodeTextLossy(bytes));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value;
    }
  } catch (error) {
    // What else it says may quote the file.
    place = / \(line \d+ column \d+\)$/.exec((error as Error).message)?.[0] ??
      "";
  }
  throw new UsageError(`${path} is not a JSON object with settings${place}`);
}

/** Refuses what is no folder; one that is missing may be there later. */
async function checkFolder(dir: string): Promise<void> {
  const info = await Deno.stat(dir).catch(() => undefined);
  if (info?.isDirectory !== false) return;
  throw new CommandError(EXIT_IO, "not-a-folder", `${dir} is not a folder`);
}

/** Words errors of the daemon for people. */
function wordError(error: unknown): unknown {
  if (!(error instanceof DaemonError)) return error;
  const { code, message } = error;
  if (code !== "bad-setting") {
    return new CommandError(EXIT_IO, code, message, { cause: error });
  }
  const unknown = /no setting "(\w+)"/.exec(message)?.[1] ?? "";
  const guess = nearest(unknown, Object.keys(DEFAULT_SETTINGS));
  return new UsageError(
    message,
    guess === undefined ? undefined : `Did you mean ${guess}?`,
  );
}

async function openDaemon(
  { args, signal }: VerbContext,
  settings: Partial<DaemonSettings>,
  state: string,
  plan: NetworkPlan,
): Promise<Daemon> {
  const { web } = plan;
  const { Daemon } = await import("../../daemon/daemon.ts");
  try {
    await makeFolder(folderOf(state), 0o700);
  } catch (error) {
    // With narrow permissions it has to be there.
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
  }
  try {
    return await Daemon.open({
      state,
      dir: absolute(args.get("dir") ?? "."),
      settings,
      allowedDirs: args.all("allow-dir").map(absolute),
      session: (wanted, effective) =>
        openSession(sessionPlan(plan, wanted, effective), signal),
      fetchTorrent: (url, ending) =>
        fetchTorrent(url, { ...web, signal: ending }),
      loadBlocklist: (sources, ending) =>
        loadBlocklists(sources, { ...web, signal: ending }),
    });
  } catch (error) {
    throw wordError(error);
  }
}

async function openServer(
  { args, signal }: VerbContext,
  daemon: Daemon,
  state: string,
  end: () => void,
): Promise<DaemonServer> {
  const listen = rpcAddressOf(args);
  const [certFile, keyFile] = [args.get("tls-cert"), args.get("tls-key")];
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw new UsageError("--tls-cert and --tls-key go together");
  }
  const tls = certFile === undefined ? undefined : {
    cert: decodeTextLossy(
      await readFile(certFile, {
        limit: 1024 * 1024,
        kind: "a certificate",
        exitCode: EXIT_IO,
        signal,
      }),
    ),
    key: await readSecret(keyFile!, "a key", signal),
  };
  const login = await readLogin(args, signal);
  const { DaemonServer } = await import("../../daemon/daemon_server.ts");
  try {
    return DaemonServer.open(daemon, {
      listen,
      login,
      tls,
      stream: args.has("stream"),
      hosts: args.all("rpc-host"),
      torrentDirs: args.all("allow-dir").map(absolute),
      configDir: absolute(folderOf(state)),
      onShutdown: end,
    });
  } catch (error) {
    if (error instanceof TypeError || error instanceof SyntaxError) {
      throw new UsageError(error.message);
    }
    if (error instanceof Deno.errors.InvalidData) {
      throw new UsageError(
        `Cannot use ${certFile} and ${keyFile} for TLS: ${error.message}`,
      );
    }
    throw listenError(error, formatEndpoint(listen));
  }
}

/** Reads settings and lists again; options of the command line go before. */
function reloader(
  readSettings: () => Promise<Partial<DaemonSettings>>,
  daemon: Daemon,
  log: DaemonLog,
  manager: ServiceManager,
): () => Promise<void> {
  let last = Promise.resolve();
  return () =>
    last = last.then(async () => {
      await manager.reloading();
      try {
        const settings = await readSettings();
        if (Object.keys(settings).length > 0) daemon.set(settings);
        const ranges = daemon.settings.blocklist.enabled
          ? await daemon.updateBlocklist()
          : 0;
        await daemon.refresh();
        log.write("info", "reloaded", { blocked: ranges });
      } catch (error) {
        const { message } = describeError(wordError(error));
        log.write("error", "not-reloaded", { message });
      }
      await manager.tell("READY=1");
    });
}

/** Closes everything, and says what it waits for. */
async function stop(
  daemon: Daemon,
  server: DaemonServer,
  log: DaemonLog,
  manager: ServiceManager,
): Promise<void> {
  const tell = () => {
    const { torrents, hooks } = daemon.pending;
    log.write("info", "stopping", { torrents, hooks });
    return manager.tell(
      "STOPPING=1",
      `STATUS=Waiting for ${torrents} torrents and ${hooks} programs`,
    );
  };
  const told = tell();
  const timer = setInterval(tell, PATIENCE_MS);
  try {
    await Promise.all([server.close(), daemon.close(), told]);
  } finally {
    clearInterval(timer);
  }
  log.write("info", "stopped");
}

/** Whether nothing is moved or checked. */
function isQuiet(daemon: Daemon): boolean {
  const { downloadRate, uploadRate } = daemon.stats();
  return downloadRate + uploadRate < QUIET_RATE &&
    daemon.torrents.every(({ status }) => status !== "checking");
}

async function run(context: VerbContext): Promise<number> {
  const { args, output, signal } = context;
  const log = new DaemonLog(
    output,
    args.has("json"),
    args.choice("log-level", LOG_LEVELS) ?? "info",
  );
  rpcAddressOf(args);
  const state = args.get("state") ?? defaultState();
  const settings = await readSettingsFile(args, signal);
  const plan = await planNetwork(args);
  const overrides = overridesOf(args, plan);
  await checkFolder({ ...settings, ...overrides }.downloadDir ?? ".");
  const daemon = await openDaemon(
    context,
    { ...settings, ...overrides },
    state,
    plan,
  );
  const logging = log.follow(daemon.events());
  const ending = new AbortController();
  const manager = new ServiceManager();
  let server: DaemonServer;
  try {
    server = await openServer(context, daemon, state, () => ending.abort());
  } catch (error) {
    await daemon.close();
    throw error;
  }
  for (const { id, infoHash, problem } of unreadOf(daemon)) {
    log.write("error", "unread", { id, infoHash, message: problem });
  }
  if (server.warning !== undefined) {
    log.write("warn", "exposed", { message: server.warning });
  }
  const { local } = daemon.session;
  log.write("info", "listening", {
    address: local?.hostname ?? "none",
    port: local?.port ?? 0,
    where: where(daemon.session),
    rpc: server.url,
    state,
    torrents: daemon.torrents.length,
  });
  const readAgain = async () => {
    const settings = Object.entries(await readSettingsFile(args, signal));
    return Object.fromEntries(
      settings.filter(([name]) => !Object.hasOwn(overrides, name)),
    );
  };
  const reload = reloader(readAgain, daemon, log, manager);
  {
    using _hangUp = onHangUp(() => void reload());
    using _tidying = await tidyMemory(() => isQuiet(daemon));
    await manager.tell("READY=1", `STATUS=Remote control at ${server.url}`);
    await Promise.race([aborted(signal), aborted(ending.signal)]);
    await stop(daemon, server, log, manager);
  }
  await logging;
  return EXIT_DONE;
}

/** Rows that could not be read, with the name of a log's field. */
function unreadOf(daemon: Daemon) {
  return daemon.unread.map(({ id, hash, problem }) => ({
    id,
    infoHash: safeText(hash),
    problem,
  }));
}

/** `bip daemon` */
export const daemonVerb: Verb = {
  name: "daemon",
  summary: "Run a BitTorrent daemon with remote control",
  usage: "[--state FILE] [--dir DIR] [OPTIONS]",
  details: [
    "Torrents, settings and statistics are kept in FILE, which survives a crash at any moment. Clients of Transmission's RPC control it: transmission-remote, Sonarr and the like, bip remote. Options apply to this run; what remote clients change is kept.",
    "Torrents may be stored below the folders that the settings name at start-up, and below each --allow-dir.",
    "SIGHUP reloads the settings file and the block lists. SIGTERM and SIGINT stop it within 10 s. Exit code 0 when stopped, 6 when the state cannot be used.",
    '--json prints {"type", "time", "level", ...} for each event: "listening" with "address", "port", "rpc", "torrents"; with "id" and "name" of a torrent "added", "removed", "metadata", "status", "completed", "moved", "goal", "hook", "tracker"; "error" and "warning" with "message"; "settings", "space", "watched", "reloaded", "not-reloaded", "exposed", "unread", "stopping", "stopped".',
  ],
  operands: [0, 0],
  operandNames: [],
  complete: "none",
  permissions:
    "--allow-net --allow-read --allow-write --allow-env --allow-sys --allow-run",
  options: [
    {
      name: "state",
      value: "FILE",
      summary: "State file (below ~/.local/state)",
      complete: "file",
    },
    {
      name: "dir",
      value: "DIR",
      summary: "Folder to download to (the current one)",
      complete: "folder",
    },
    {
      name: "allow-dir",
      value: "DIR",
      repeat: true,
      summary: "Folder where remote clients may store and read torrents",
      complete: "folder",
    },
    {
      name: "watch",
      value: "DIR",
      repeat: true,
      summary: "Add torrent files that appear in this folder",
      complete: "folder",
    },
    {
      name: "incomplete-dir",
      value: "DIR",
      summary: "Keep torrents in this folder until they are complete",
      complete: "folder",
    },
    {
      name: "incomplete-suffix",
      value: "TEXT",
      summary: "End names of files with it until they are complete, as .part",
    },
    ALLOCATION_OPTION,
    {
      name: "set",
      value: "NAME=VALUE",
      repeat: true,
      summary:
        "Any setting of the settings file, such as seedRatio=2 or downloadQueue=none",
    },
    {
      name: "settings",
      value: "FILE",
      summary: "Settings as JSON; SIGHUP reloads it",
      complete: "file",
    },
    {
      name: "rpc-listen",
      value: "ADDR",
      summary:
        "IP address for remote control; all but loopback need --auth (127.0.0.1)",
    },
    { name: "rpc-port", value: "N", summary: "Port for remote control (9091)" },
    {
      name: "rpc-host",
      value: "NAME",
      repeat: true,
      summary: "Host name that remote clients may use",
    },
    ...LOGIN_OPTIONS,
    {
      name: "tls-cert",
      value: "FILE",
      summary: "Certificate chain (PEM), to serve HTTPS",
      complete: "file",
    },
    {
      name: "tls-key",
      value: "FILE",
      summary: "Private key of the certificate (PEM)",
      complete: "file",
    },
    { name: "stream", summary: "Also serve files at /stream/HASH/INDEX" },
    {
      name: "log-level",
      value: "LEVEL",
      summary: "Least level to log (info)",
      complete: LOG_LEVELS,
    },
    ...NETWORK_OPTIONS.filter(({ name }) =>
      name !== "peer" && name !== "quiet"
    ),
  ],
  run,
};
