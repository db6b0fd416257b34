/**
 * `bip dht`: a node of the Mainline DHT, and what can be asked of it.
 *
 * @module
 */
import { orAborted } from "../../_shared/abort.ts";
import { formatEndpoint } from "../../_shared/address.ts";
import { decodeTextLossy, toHex, tryDecodeText } from "../../_shared/bytes.ts";
import { deadlineSignal, systemClock } from "../../_shared/clock.ts";
import { tryDecodeBencode } from "../../bencode/decode.ts";
import { encodeBencode } from "../../bencode/encode.ts";
import { MAX_ITEM_LENGTH } from "../../dht/item.ts";
import type {
  DhtPut,
  DhtStoreResult,
  MainlineDhtOptions,
} from "../../dht/mainline_options.ts";
import type { MainlineDht } from "../../dht/node.ts";
import { parseAddress } from "../address_options.ts";
import type { SubVerb, Verb, VerbContext } from "../command.ts";
import { readInfoHash } from "./info_hash.ts";
import { runDhtNode } from "./dht_node.ts";
import {
  COMMON,
  openDht,
  optionsOf,
  readHex,
  readSalt,
  readSecretKey,
  readSeq,
  seqJson,
} from "./dht_options.ts";
import { CommandError, UsageError } from "../error.ts";
import { EXIT_DONE, EXIT_NO_PEERS } from "../exit_code.ts";
import { pickSubVerb } from "../sub_verb.ts";
import { plural, safeText } from "../text.ts";
import { parseInteger } from "../units.ts";

/** What a verb of `bip dht` works with. */
interface Task extends VerbContext {
  readonly operands: readonly string[];
  readonly json: boolean;
  readonly options: MainlineDhtOptions;
}

interface DhtVerb extends SubVerb {
  run(task: Task): Promise<number>;
}

/** Opens a node that only asks, and waits until a node has answered. */
async function openClient(task: Task): Promise<MainlineDht> {
  const { args, options, signal } = task;
  const limit = args.duration("timeout") ?? 30_000;
  const dht = await openDht({ readOnly: true, ...options });
  using deadline = deadlineSignal(systemClock, limit, "No answer", signal);
  try {
    await orAborted(dht.bootstrapped, deadline.signal);
    return dht;
  } catch {
    await dht.close();
    signal.throwIfAborted();
    throw new CommandError(
      EXIT_NO_PEERS,
      "no-nodes",
      "No DHT node answered; name one with --bootstrap HOST:PORT",
    );
  }
}

function printStored(
  { output, json }: Task,
  result: DhtStoreResult,
  document: Readonly<Record<string, unknown>>,
): number {
  const { stored, refused, unanswered } = result;
  if (json) {
    output.printJson({
      ...document,
      stored: stored.map(({ address }) => formatEndpoint(address)),
      refused: refused.map(({ address, error }) => ({
        address: formatEndpoint(address),
        code: error.number,
        message: error.remoteMessage,
      })),
      unanswered: unanswered.map(formatEndpoint),
    }, 2);
  } else {
    for (const { address, error } of refused) {
      output.note(`${formatEndpoint(address)}: ${safeText(error.message)}`);
    }
    output.note(
      `stored at ${
        plural(stored.length, "node")
      }, refused by ${refused.length}, no answer from ${unanswered.length}`,
    );
  }
  return stored.length > 0 ? EXIT_DONE : EXIT_NO_PEERS;
}

const VERBS: Readonly<Record<string, DhtVerb>> = {
  node: {
    summary: "Run a node",
    operands: [0, 0],
    usage: "node [--state FILE] [--read-only] [--stats-port N]",
    options: ["state", "read-only", "stats-port"],
    run: (task) =>
      runDhtNode(
        task,
        { ...task.options, readOnly: task.args.has("read-only") },
        task.args.get("state"),
      ),
  },
  ping: {
    summary: "Ask a node whether it is there",
    operands: [1, 1],
    usage: "ping HOST:PORT",
    options: [],
    async run({ operands, output, json, options, signal }) {
      const endpoint = parseAddress(operands[0]!, "The node");
      await using dht = await openDht({
        readOnly: true,
        ...options,
        bootstrap: [],
      });
      const pong = await dht.ping(endpoint, { signal });
      const id = toHex(pong.node.id);
      const version = pong.version && toHex(pong.version);
      const address = formatEndpoint(pong.node.address);
      const us = pong.externalAddress && formatEndpoint(pong.externalAddress);
      if (json) {
        output.printJson({
          address,
          id,
          roundTripMs: pong.roundTripMs,
          version: version ?? null,
          externalAddress: us ?? null,
        }, 2);
      } else {
        output.print(`${id} ${address} ${pong.roundTripMs.toFixed(1)} ms`);
        if (us !== undefined) output.note(`our address as seen there: ${us}`);
      }
      return EXIT_DONE;
    },
  },
  "find-node": {
    summary: "Find the nodes closest to an ID",
    operands: [1, 1],
    usage: "find-node ID",
    options: ["timeout"],
    async run(task) {
      const { operands, output, json, signal } = task;
      const target = readHex(operands[0]!, 20, "The id");
      await using dht = await openClient(task);
      const nodes = (await dht.findNode(target, { signal })).map((node) => ({
        id: toHex(node.id),
        address: formatEndpoint(node.address),
      }));
      if (json) output.printJson({ target: toHex(target), nodes }, 2);
      else {
        for (const { id, address } of nodes) output.print(`${id} ${address}`);
      }
      return nodes.length > 0 ? EXIT_DONE : EXIT_NO_PEERS;
    },
  },
  "get-peers": {
    summary: "Find the peers of a torrent",
    operands: [1, 1],
    usage: "get-peers HASH",
    options: ["timeout"],
    async run(task) {
      const { operands, output, json, signal } = task;
      const infoHash = readInfoHash(operands[0]!);
      await using dht = await openClient(task);
      const peers: string[] = [];
      for await (const { address } of dht.getPeers(infoHash, { signal })) {
        const peer = formatEndpoint(address);
        peers.push(peer);
        if (!json) output.print(peer);
      }
      if (json) output.printJson({ infoHash: toHex(infoHash), peers }, 2);
      else if (peers.length === 0) output.note("No peers found");
      return peers.length > 0 ? EXIT_DONE : EXIT_NO_PEERS;
    },
  },
  announce: {
    summary: "Announce this machine as a peer of a torrent",
    operands: [1, 2],
    usage: "announce HASH [PORT] [--seed]",
    options: ["timeout", "seed"],
    async run(task) {
      const { args, operands, signal } = task;
      const infoHash = readInfoHash(operands[0]!);
      const port = operands[1] === undefined
        ? undefined
        : parseInteger(operands[1], "PORT", 1, 65535);
      const seed = args.has("seed");
      await using dht = await openClient(task);
      const result = await dht.announce(infoHash, {
        seed,
        signal,
        ...(port === undefined ? {} : { port }),
      });
      return printStored(task, result, { infoHash: toHex(infoHash) });
    },
  },
  get: {
    summary: "Fetch an item",
    operands: [1, 1],
    usage: "get TARGET|PUBLICKEY [--salt TEXT]",
    options: ["timeout", "salt"],
    async run(task) {
      const { args, operands, output, json, signal } = task;
      const text = operands[0]!;
      const salt = readSalt(args);
      const key = text.length === 64
        ? {
          publicKey: readHex(text, 32, "The public key"),
          ...(salt === undefined ? {} : { salt }),
        }
        : readHex(text, 20, "The target");
      if (key instanceof Uint8Array && salt !== undefined) {
        throw new UsageError("--salt is for a public key, not for a target");
      }
      await using dht = await openClient(task);
      const item = await dht.get(key, { signal });
      if (item === undefined) {
        throw new CommandError(
          EXIT_NO_PEERS,
          "not-found",
          "No DHT node has this item",
        );
      }
      const value = tryDecodeBencode(item.value);
      const shown = value instanceof Uint8Array
        ? tryDecodeText(value)
        : undefined;
      if (json) {
        output.printJson({
          target: toHex(item.target),
          value: toHex(item.value),
          text: shown ?? null,
          publicKey: item.publicKey === undefined
            ? null
            : toHex(item.publicKey),
          seq: seqJson(item.seq),
        }, 2);
      } else {
        output.print(safeText(shown ?? decodeTextLossy(item.value)));
        if (item.seq !== undefined) output.note(`sequence number ${item.seq}`);
      }
      return EXIT_DONE;
    },
  },
  put: {
    summary: "Store an item",
    operands: [1, 1],
    usage: "put TEXT [--key FILE] [--salt TEXT] [--seq N] [--cas N]",
    options: ["timeout", "key", "salt", "seq", "cas"],
    async run(task) {
      const { args, operands, output, json, signal } = task;
      const value = encodeBencode(operands[0]!);
      if (value.length > MAX_ITEM_LENGTH) {
        throw new UsageError(
          `TEXT is too long: encoded it has ${value.length} bytes, at most ${MAX_ITEM_LENGTH} are possible`,
        );
      }
      const keyPath = args.get("key");
      const salt = readSalt(args);
      const seq = readSeq(args, "seq");
      const cas = readSeq(args, "cas");
      if (keyPath === undefined && (salt ?? seq ?? cas) !== undefined) {
        throw new UsageError("--salt, --seq and --cas need --key FILE");
      }
      const put: DhtPut = keyPath === undefined ? { value } : {
        value,
        secretKey: await readSecretKey(keyPath, signal),
        ...(salt === undefined ? {} : { salt }),
        ...(seq === undefined ? {} : { seq }),
        ...(cas === undefined ? {} : { cas }),
      };
      await using dht = await openClient(task);
      const result = await dht.put(put, { signal });
      const target = toHex(result.target);
      if (!json) output.print(target);
      return printStored(task, result, {
        target,
        publicKey: result.publicKey === undefined
          ? null
          : toHex(result.publicKey),
        seq: seqJson(result.seq),
      });
    },
  },
  sample: {
    summary: "List info-hashes that nodes store",
    operands: [0, 1],
    usage: "sample [ID]",
    options: ["timeout"],
    async run(task) {
      const { operands, output, json, signal } = task;
      const target = operands[0] === undefined
        ? undefined
        : readHex(operands[0], 20, "The id");
      await using dht = await openClient(task);
      const seen = new Set<string>();
      const samples = dht.sampleInfohashes({
        signal,
        ...(target === undefined ? {} : { target }),
      });
      for await (const { infoHashes } of samples) {
        for (const infoHash of infoHashes) {
          const hex = toHex(infoHash);
          if (seen.has(hex)) continue;
          seen.add(hex);
          if (!json) output.print(hex);
        }
      }
      if (json) output.printJson({ infoHashes: [...seen] }, 2);
      else if (seen.size === 0) output.note("No info-hashes found");
      return seen.size > 0 ? EXIT_DONE : EXIT_NO_PEERS;
    },
  },
};

/** `bip dht` */
export const dhtVerb: Verb = {
  name: "dht",
  summary: "Run a DHT node, or query the DHT",
  usage:
    "node|ping|find-node|get-peers|announce|get|put|sample ARGS [--bootstrap HOST:PORT]... [--json]",
  details: [
    Object.values(VERBS).map(({ usage }) => `bip dht ${usage}`).join("\n"),
    "HASH is an info-hash or a magnet link, ID 40 hex digits. Without PORT, announce uses the UDP port it sends from. put stores TEXT as a byte string; the file of --key contains a secret Ed25519 key as 64 hex digits.",
    "Exit code 5 when no node answers or nothing is found. What you put or announce expires: repeat items every hour, peers every 15 minutes.",
    "The file of --state is written as FILE.new first; a file with other content is never overwritten.",
    "--stats-port serves statistics at /stats (JSON) and /metrics (Prometheus).",
    '--json prints one document; node prints {"type":"listening", "address", "port", "addresses", "id", "id6", "statsPort"}, {"type":"bootstrapped", "family"}, {"type":"external-address", "family", "hostname", "id"} and {"type":"stats", ...}, one object per line.',
  ],
  operands: [1, 3],
  operandNames: [
    "node, ping, find-node, get-peers, announce, get, put or sample",
  ],
  words: Object.keys(VERBS),
  subVerbs: { table: VERBS, common: COMMON },
  complete: "none",
  permissions:
    "--allow-net --allow-read=FILE,FILE.new --allow-write=FILE,FILE.new --unstable-net",
  options: [
    {
      name: "bootstrap",
      value: "HOST:PORT",
      repeat: true,
      summary: "Node to bootstrap from (the public routers)",
    },
    {
      name: "listen",
      value: "ADDR",
      summary: "IP address to listen on (all, IPv4 and IPv6)",
    },
    { name: "port", value: "N", summary: "UDP port, 0 for any (0)" },
    {
      name: "state",
      value: "FILE",
      summary: "Remember other nodes in this file",
      complete: "file",
    },
    { name: "read-only", summary: "Only send queries, answer none" },
    {
      name: "stats-port",
      value: "N",
      summary: "TCP port of the statistics, on 127.0.0.1 (none)",
    },
    {
      name: "timeout",
      value: "S",
      summary: "Time to wait for a first node (30)",
    },
    { name: "seed", summary: "Announce as a seed" },
    {
      name: "key",
      value: "FILE",
      summary: "Sign the item with the key in this file",
      complete: "file",
    },
    {
      name: "salt",
      value: "TEXT",
      summary: "Salt, to tell apart several items of one key",
    },
    {
      name: "seq",
      value: "N",
      summary: "Sequence number of the item (last one plus 1)",
    },
    {
      name: "cas",
      value: "N",
      summary: "Replace the item only if it has this sequence number",
    },
    { name: "json", summary: "Print JSON" },
  ],
  run(context: VerbContext): Promise<number> {
    const { args } = context;
    const { picked, operands } = pickSubVerb(args, dhtVerb, VERBS, COMMON);
    const options = optionsOf(args);
    const json = args.has("json");
    return picked.run({ ...context, operands, json, options });
  },
};
