/**
 * What the command line asks of a daemon, `--set NAME=VALUE` included.
 *
 * @module
 */
import type { Endpoint } from "../../_shared/address.ts";
import type { SessionOptions } from "../../client/types.ts";
import {
  type DaemonSettings,
  DEFAULT_SETTINGS,
} from "../../daemon/settings.ts";
import { ipOf } from "../address_options.ts";
import type { Arguments } from "../command.ts";
import { parseRate } from "../units.ts";
import { allocationOf } from "../transfer/policies.ts";
import type { NetworkPlan } from "../transfer/transfer.ts";
import { UsageError } from "../error.ts";

/** Switches off what has a number. */
const OFF = new Set(["none", "off"]);

/**
 * Reads `--set`. A value is text or JSON; what can be switched off takes a number,
 * or `none`.
 *
 * @param args What was typed.
 * @returns Settings by name; whether they make sense is for the daemon to say.
 * @throws {UsageError} If one is not `NAME=VALUE`.
 */
export function settingsOf(args: Arguments): Partial<DaemonSettings> {
  const settings: [name: string, value: unknown][] = [];
  for (const text of args.all("set")) {
    const [, name, value] = /^(\w+)=(.*)$/s.exec(text) ?? [];
    if (name === undefined) {
      throw new UsageError(
        `--set must be NAME=VALUE, not ${JSON.stringify(text)}`,
      );
    }
    settings.push([name, read(name, value!)]);
  }
  return Object.fromEntries(settings) as Partial<DaemonSettings>;
}

function notALimit(name: string, text: string): UsageError {
  return new UsageError(
    `--set ${name} must be a number or none, not ${JSON.stringify(text)}`,
  );
}

function read(name: string, text: string): unknown {
  const usual = Object.hasOwn(DEFAULT_SETTINGS, name)
    ? DEFAULT_SETTINGS[name as keyof DaemonSettings]
    : undefined;
  if (typeof usual === "string") return text;
  const isLimit = typeof usual === "object" && usual !== null &&
    "enabled" in usual && "value" in usual;
  if (isLimit && OFF.has(text)) return { ...usual, enabled: false };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    if (isLimit) throw notALimit(name, text);
    return text;
  }
  if (!isLimit || typeof value === "object") return value;
  if (typeof value === "number") return { enabled: true, value };
  throw notALimit(name, text);
}

/** A name made absolute. */
export function absolute(path: string): string {
  return /^(\/|[a-z]:[/\\])/i.test(path) ? path : `${Deno.cwd()}/${path}`;
}

/** Reads `--rpc-listen` and `--rpc-port`. */
export function rpcAddressOf(args: Arguments): Endpoint {
  return {
    hostname: ipOf(args, "rpc-listen") ?? "127.0.0.1",
    port: args.integer("rpc-port", 0, 65535) ?? 9091,
  };
}

/** The settings that options override for this run. */
export function overridesOf(
  args: Arguments,
  { options, trackers, blocklists }: NetworkPlan,
): Partial<DaemonSettings> {
  const made: { -readonly [N in keyof DaemonSettings]?: DaemonSettings[N] } =
    settingsOf(args);
  const rate = (name: string) => {
    const text = args.get(name);
    if (text === undefined) return undefined;
    const value = parseRate(text, `--${name}`);
    return Number.isFinite(value)
      ? { enabled: true, value: Math.max(1, Math.round(value)) }
      : { enabled: false, value: 1 };
  };
  const [down, up] = [rate("down-limit"), rate("up-limit")];
  const port = args.integer("port", 0, 65535);
  const dir = args.get("dir");
  const watched = args.all("watch");
  if (dir !== undefined) made.downloadDir = absolute(dir);
  const incompleteDir = args.get("incomplete-dir");
  if (incompleteDir !== undefined) {
    made.incompleteDir = absolute(incompleteDir);
    made.useIncompleteDir = true;
  }
  const incompleteSuffix = args.get("incomplete-suffix");
  if (incompleteSuffix !== undefined) made.incompleteSuffix = incompleteSuffix;
  if (down !== undefined) made.downloadLimit = down;
  if (up !== undefined) made.uploadLimit = up;
  if (port !== undefined) made.port = port;
  if (options.maxPeers !== undefined) {
    made.maxPeers = made.maxPeersPerTorrent = options.maxPeers;
  }
  const allocation = allocationOf(args);
  if (allocation !== undefined) made.allocation = allocation;
  if (args.has("no-dht")) made.dht = false;
  if (args.has("no-lpd")) made.lpd = false;
  if (args.has("no-port-map")) made.portMap = false;
  if (args.has("no-pex")) made.pex = false;
  if (args.get("utp") !== undefined) made.utp = options.utp!;
  if (args.get("encryption") !== undefined) {
    made.encryption = options.encryption!;
  }
  if (trackers.length > 0) made.defaultTrackers = trackers;
  if (blocklists.length > 0) {
    made.blocklist = { enabled: true, sources: blocklists };
  }
  if (watched.length > 0) {
    made.watch = watched.map((dir) => ({
      enabled: true,
      dir: absolute(dir),
      addedDir: "",
    }));
  }
  return made;
}

/**
 * How to open the session: what settings say, as far as the command line and
 * privacy allow.
 *
 * @param plan What the person typed.
 * @param wanted What settings say.
 * @param settings The settings.
 * @returns The plan to follow.
 */
export function sessionPlan(
  plan: NetworkPlan,
  wanted: SessionOptions,
  { port }: DaemonSettings,
): NetworkPlan {
  const { listen: _, dht, lpd, portMap, ...rest } = wanted;
  const allowed = plan.options;
  return {
    ...plan,
    // The daemon reads them, again and again.
    blocklists: [],
    ports: port === 0 || plan.ports.length === 1 ? [port] : [port, 0],
    options: {
      ...allowed,
      ...rest,
      dht: allowed.dht && dht ? { ...dht, ...allowed.dht } : false,
      lpd: allowed.lpd && lpd,
      portMap: allowed.portMap && portMap,
    },
  };
}
