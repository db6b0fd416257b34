/**
 * `bip dht node`: runs a node of the DHT until it is stopped.
 *
 * @module
 */
import { aborted } from "../../_shared/abort.ts";
import { type Endpoint, formatEndpoint } from "../../_shared/address.ts";
import { encodeText, equalBytes, toHex } from "../../_shared/bytes.ts";
import { formatMetrics } from "../../_shared/metrics.ts";
import { dhtMetrics } from "../../dht/metrics.ts";
import { tryDecodeDhtState } from "../../dht/routing_state.ts";
import type { MainlineDhtOptions } from "../../dht/mainline_options.ts";
import type { MainlineDht } from "../../dht/node.ts";
import type { DhtNodeEvent } from "../../dht/node_types.ts";
import { TrackerStatsServer } from "../../tracker/stats_server.ts";
import type { VerbContext } from "../command.ts";
import { openDht } from "./dht_options.ts";
import { CommandError, describeError } from "../error.ts";
import { EXIT_INTERRUPTED, EXIT_IO } from "../exit_code.ts";
import { ioError, listenError } from "../io_error.ts";
import { readFile } from "../read_file.ts";
import type { Output } from "../terminal.ts";
import { plural, safeText } from "../text.ts";
import { replaceFile } from "../write_file.ts";

/** How often figures are reported and the state is saved, in milliseconds. */
const REPORT_MS = 60_000;

/** Largest state that is read, in bytes. */
const MAX_STATE_LENGTH = 16 * 1024 * 1024;

/** How every state begins, whatever its version. */
const STATE_START = encodeText("d9:dht-state");

/** Reads what an earlier run saved. */
async function readState(
  path: string,
  output: Output,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path, {
      limit: MAX_STATE_LENGTH,
      kind: "the state of a DHT node",
      exitCode: EXIT_IO,
      signal,
    });
  } catch (error) {
    if (error instanceof CommandError && error.code === "not-found") {
      return undefined;
    }
    throw error;
  }
  if (bytes.length === 0 || tryDecodeDhtState(bytes) !== undefined) {
    return bytes;
  }
  if (!equalBytes(bytes.subarray(0, STATE_START.length), STATE_START)) {
    throw new CommandError(
      EXIT_IO,
      "not-a-state",
      `${path} is not a state file of a DHT node; it was not touched`,
    );
  }
  output.note(
    `${safeText(path)} is damaged or has another version; starting without it`,
  );
  return undefined;
}

/** Serves what the node counts. */
function openFigures(dht: MainlineDht, listen: Endpoint): TrackerStatsServer {
  try {
    return TrackerStatsServer.open({
      listen,
      read: () => ({ ...dht.stats() }),
      format: () => formatMetrics(dhtMetrics(dht.stats())),
    });
  } catch (error) {
    throw listenError(error, formatEndpoint(listen));
  }
}

/** Finds out early whether the state can be saved. */
async function checkWritable(path: string): Promise<void> {
  try {
    const options = { write: true, create: true };
    (await Deno.open(`${path}.new`, options)).close();
    await Deno.remove(`${path}.new`);
  } catch (error) {
    throw ioError(error, "write", path);
  }
}

/**
 * Runs a node.
 *
 * @param context What the verb works with.
 * @param options How the node is opened.
 * @param statePath Where it remembers others, if anywhere.
 * @returns The exit code, once it was stopped.
 */
export async function runDhtNode(
  { args, output, signal }: VerbContext,
  options: MainlineDhtOptions,
  statePath: string | undefined,
): Promise<number> {
  const json = args.has("json");
  const state = statePath === undefined
    ? undefined
    : await readState(statePath, output, signal);
  if (statePath !== undefined) await checkWritable(statePath);
  await using dht = await openDht({
    ...options,
    ...(state === undefined ? {} : { state }),
  });
  const statsPort = args.integer("stats-port", 0, 65535);
  await using figures = statsPort === undefined
    ? undefined
    : openFigures(dht, { hostname: "127.0.0.1", port: statsPort });
  const [first] = dht.locals;
  const idOf = (family: 4 | 6) => {
    const id = dht.id(family);
    return id === undefined ? null : toHex(id);
  };
  if (json) {
    output.printJson({
      type: "listening",
      address: first!.hostname,
      port: first!.port,
      addresses: dht.locals.map(formatEndpoint),
      id: idOf(4),
      id6: idOf(6),
      statsPort: figures?.local.port ?? null,
    });
  } else {
    for (const local of dht.locals) {
      output.note(`listening on ${formatEndpoint(local)}`);
    }
    if (figures !== undefined) {
      output.note(`statistics: http://${formatEndpoint(figures.local)}/stats`);
    }
  }
  const show = (event: DhtNodeEvent) => {
    if (event.type === "query") return;
    if (event.type === "bootstrapped") {
      const { family } = event;
      if (json) output.printJson({ type: "bootstrapped", family });
      else output.note(`connected to the DHT over IPv${family}`);
    } else {
      const { family, hostname } = event;
      const id = toHex(event.id);
      if (json) {
        output.printJson({ type: "external-address", family, hostname, id });
      } else {output.note(
          `our address is ${safeText(hostname)}, our node id ${id}`,
        );}
    }
  };
  const watching = (async () => {
    for await (const event of dht.events({ queries: false })) show(event);
  })();
  const report = () => {
    const stats = dht.stats();
    if (json) output.printJson({ type: "stats", ...stats });
    else {
      output.note(
        [
          `${plural(stats.nodes, "node")} (${stats.goodNodes} good)`,
          plural(stats.infoHashes, "torrent"),
          plural(stats.peers, "peer"),
          `${plural(stats.items, "item")}; ${stats.answered} queries answered`,
          `${plural(stats.responses, "answer")} received`,
        ].join(", "),
      );
    }
  };
  const save = async () => {
    if (statePath !== undefined && dht.stats().nodes > 0) {
      await replaceFile(statePath, dht.state());
    }
  };
  let isFailing = false;
  const trySave = async () => {
    try {
      await save();
      isFailing = false;
    } catch (error) {
      // No reason to stop; the disk may be less full later.
      if (!isFailing) output.note(safeText(describeError(error).message));
      isFailing = true;
    }
  };
  const timer = setInterval(() => {
    report();
    void trySave();
  }, REPORT_MS);
  try {
    await aborted(signal);
  } finally {
    clearInterval(timer);
  }
  await save();
  report();
  await dht.close();
  await watching;
  return EXIT_INTERRUPTED;
}
