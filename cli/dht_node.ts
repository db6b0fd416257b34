/**
 * `bip dht node`: runs a node of the DHT until it is stopped.
 *
 * @module
 */
import { formatEndpoint } from "../_shared/address.ts";
import { toHex } from "../_shared/bytes.ts";
import { type DhtNodeEvent, MainlineDht } from "../dht/mod.ts";
import type { MainlineDhtOptions } from "../dht/mod.ts";
import type { VerbContext } from "./command.ts";
import { EXIT_INTERRUPTED } from "./exit_code.ts";
import { ioError } from "./source.ts";
import { safeText } from "./text.ts";

/** How often figures are reported and the state is saved, in milliseconds. */
const REPORT_MS = 60_000;

async function readState(path: string): Promise<Uint8Array | undefined> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw ioError(error, "read", path);
  }
}

/** Writes beside the old one first, so that there is always a whole one. */
async function writeState(path: string, state: Uint8Array): Promise<void> {
  try {
    await Deno.writeFile(`${path}.new`, state);
    await Deno.rename(`${path}.new`, path);
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
    : await readState(statePath);
  await using dht = await MainlineDht.open({
    ...options,
    ...(state === undefined ? {} : { state }),
  });
  const [first] = dht.localEndpoints;
  const idOf = (family: 4 | 6) => {
    const id = dht.id(family);
    return id === undefined ? null : toHex(id);
  };
  if (json) {
    output.printJson({
      type: "listening",
      address: first!.hostname,
      port: first!.port,
      addresses: dht.localEndpoints.map(formatEndpoint),
      id: idOf(4),
      id6: idOf(6),
    });
  } else {
    for (const local of dht.localEndpoints) {
      output.note(`listening on ${formatEndpoint(local)}`);
    }
  }
  const show = (event: DhtNodeEvent) => {
    if (event.type === "query") return;
    if (event.type === "bootstrapped") {
      const { family } = event;
      if (json) output.printJson({ type: "bootstrapped", family });
      else output.note(`found other nodes of IPv${family}`);
    } else {
      const { family, hostname } = event;
      const id = toHex(event.id);
      if (json) {
        output.printJson({ type: "external-address", family, hostname, id });
      } else output.note(`our address is ${safeText(hostname)}, our id ${id}`);
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
        `${stats.nodes} nodes (${stats.goodNodes} good), ${stats.infoHashes} torrents, ${stats.peers} peers, ${stats.items} items; ${stats.answered} answers given, ${stats.responses} got`,
      );
    }
  };
  const save = async () => {
    if (statePath !== undefined && dht.stats().nodes > 0) {
      await writeState(statePath, dht.state());
    }
  };
  const failed = Promise.withResolvers<never>();
  const timer = setInterval(() => {
    report();
    save().catch(failed.reject);
  }, REPORT_MS);
  try {
    await Promise.race([aborted(signal), failed.promise]);
  } finally {
    clearInterval(timer);
  }
  await save();
  report();
  await dht.close();
  await watching;
  return EXIT_INTERRUPTED;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
