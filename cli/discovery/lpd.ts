/**
 * `bip lpd`: hears and announces on the local network.
 *
 * @module
 */
import { formatEndpoint, type PeerCandidate } from "../../_shared/address.ts";
import { toHex } from "../../_shared/bytes.ts";
import { hashServiceName, LPD_GROUPS } from "../../lpd/announce.ts";
import { LocalDiscovery } from "../../lpd/discovery.ts";
import { LpdError } from "../../lpd/error.ts";
import { readInfoHash } from "./info_hash.ts";
import type { Arguments, Verb, VerbContext } from "../command.ts";
import { CommandError, UsageError } from "../error.ts";
import { EXIT_INTERRUPTED, EXIT_IO } from "../exit_code.ts";
import { nearest } from "../nearest.ts";
import type { Output } from "../terminal.ts";
import { safeText } from "../text.ts";
import { parseInteger } from "../units.ts";

const WORDS = ["listen", "announce"] as const;
/** The port that BitTorrent clients are known by (BEP 3). */
const DEFAULT_PORT = 6881;

/** What the command line asks for. */
interface Plan {
  /** 20 bytes; none to hear of everything. */
  readonly infoHash: Uint8Array | undefined;
  /** The service's name, if it was given by name. */
  readonly name: string | undefined;
  /** What is announced; none when listening only. */
  readonly port: number | undefined;
}

function planOf(args: Arguments): Plan {
  const [word, hash] = args.operands;
  const action = WORDS.find((known) => known === word);
  if (action === undefined) {
    const guess = nearest(word!, WORDS);
    throw new UsageError(
      `bip lpd does ${WORDS.join(" or ")}, not ${JSON.stringify(word)}`,
      guess === undefined ? undefined : `Did you mean bip lpd ${guess}?`,
    );
  }
  const name = args.get("name");
  if (name !== undefined && hash !== undefined) {
    throw new UsageError("Give HASH or --name TEXT, not both");
  }
  if (name === "") throw new UsageError("--name must not be empty");
  const infoHash = hash !== undefined
    ? readInfoHash(hash, "--name TEXT makes a hash of a name")
    : name !== undefined
    ? hashServiceName(name)
    : undefined;
  const port = args.get("port");
  if (action === "listen") {
    if (port !== undefined) {
      throw new UsageError(
        "--port is for bip lpd announce: listen announces nothing",
      );
    }
    return { infoHash, name, port: undefined };
  }
  if (infoHash === undefined) {
    throw new UsageError(
      "Nothing to announce: HASH is missing",
      "Give 40 hex digits, or --name TEXT for a named service",
    );
  }
  return {
    infoHash,
    name,
    port: port === undefined
      ? DEFAULT_PORT
      : parseInteger(port, "--port", 1, 65535),
  };
}

async function open(plan: Plan): Promise<LocalDiscovery> {
  try {
    return await LocalDiscovery.open({
      anyInfoHash: plan.infoHash === undefined,
    });
  } catch (error) {
    const denied = error instanceof LpdError &&
      error.cause instanceof Deno.errors.NotCapable;
    throw denied ? error.cause : error;
  }
}

function printListening(
  output: Output,
  json: boolean,
  { infoHash, name, port }: Plan,
  interfaces: readonly string[],
): void {
  // Interfaces are named "eth0/192.0.2.1", "eth0/::%eth0" or "default/4".
  const isIpv4 = interfaces.some((key) => /\/(?:4|[\d.]+)$/.test(key));
  const group = LPD_GROUPS[isIpv4 ? 4 : 6];
  if (json) {
    return output.printJson({
      type: "listening",
      address: group.hostname,
      port: group.port,
      interfaces,
      infoHash: infoHash === undefined ? null : toHex(infoHash),
      announced: port ?? null,
    });
  }
  const what = infoHash === undefined
    ? "everything"
    : name === undefined
    ? toHex(infoHash)
    : `${JSON.stringify(name)} (${toHex(infoHash)})`;
  const action = port === undefined
    ? `Listening for ${what}`
    : `Announcing port ${port} for ${what}`;
  output.note(safeText(
    `${action} at ${formatEndpoint(group)} on ${interfaces.join(", ")}`,
  ));
}

function printPeer(
  output: Output,
  json: boolean,
  { infoHash, address }: PeerCandidate,
): void {
  const hash = toHex(infoHash);
  if (!json) return output.print(`${hash} ${formatEndpoint(address)}`);
  const { hostname, port } = address;
  output.printJson({ type: "peer", infoHash: hash, address: hostname, port });
}

/** `bip lpd listen|announce` */
export const lpdVerb: Verb = {
  name: "lpd",
  summary: "Find peers and services on the local network",
  usage: "listen|announce [HASH|--name TEXT] [--port N] [--json]",
  details: [
    "listen shows which machines announce HASH, or all announces. announce tells the local network that this machine has HASH, and shows which others do. Both run until Ctrl-C.",
    "HASH is an info-hash of 40 hex digits (64 for v2) or a magnet link; --name derives one from any text, so that programs can find each other. Never announce a private torrent.",
    'Output lines are HASH ADDRESS:PORT. --json prints {"type":"listening", "address", "port", "interfaces", "infoHash", "announced"} and then {"type":"peer", "infoHash", "address", "port"} for each.',
  ],
  operands: [1, 2],
  operandNames: ["listen or announce"],
  words: WORDS,
  complete: "none",
  permissions: "--allow-net --allow-sys=networkInterfaces",
  options: [
    {
      name: "name",
      value: "TEXT",
      summary: "Name of a service instead of HASH",
    },
    {
      name: "port",
      value: "N",
      summary: `Port to announce (${DEFAULT_PORT})`,
    },
    { name: "json", summary: "Print one JSON object per line" },
  ],
  async run({ args, output, signal }: VerbContext): Promise<number> {
    const plan = planOf(args);
    const json = args.has("json");
    await using discovery = await open(plan);
    const { interfaces } = discovery.stats();
    if (interfaces.length === 0) {
      throw new CommandError(
        EXIT_IO,
        "unavailable",
        "Cannot discover peers: this machine is on no network",
      );
    }
    const stop = () => void discovery.close();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) return EXIT_INTERRUPTED;
    const { infoHash, port } = plan;
    if (infoHash !== undefined) {
      if (port === undefined) discovery.watch(infoHash);
      else discovery.announce(infoHash, port);
    }
    printListening(output, json, plan, interfaces);
    for await (const candidate of discovery) printPeer(output, json, candidate);
    return EXIT_INTERRUPTED;
  },
};
