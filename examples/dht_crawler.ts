/**
 * Crawls the DHT: asks nodes for samples of the info-hashes they know (BEP 51),
 * and watches what others ask of us.
 *
 * ```sh
 * deno run --allow-net examples/dht_crawler.ts SECONDS [--listen IP[:PORT]] [--bootstrap HOST:PORT]...
 * ```
 *
 * Prints each info-hash once, with where it came from, and figures in the end.
 * Ctrl-C ends it early. Without `--bootstrap` it crawls the public DHT.
 *
 * Permissions: `--allow-net` for the DHT.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import {
  DHT_ROUTERS,
  type DhtQueryEvent,
  type Endpoint,
  MainlineDht,
} from "@bip/bip/dht";

/** Time between two lookups, in ms: be kind to the nodes. */
const PAUSE_MS = 1000;
/** Info-hashes remembered, so as to print each once; nodes, too. */
const MAX_KNOWN = 1_000_000;

interface Options {
  readonly ms: number;
  readonly listen: Endpoint;
  readonly bootstrap: readonly Endpoint[];
}

/** `HOST:PORT` or `HOST`, where HOST may be an IPv6 address in brackets. */
function parseEndpoint(text: string): Endpoint {
  if (!URL.canParse(`udp://${text}`)) {
    throw new TypeError(`Expected HOST:PORT, not ${text}`);
  }
  const { hostname, port } = new URL(`udp://${text}`);
  return { hostname: hostname.replace(/^\[(.*)\]$/, "$1"), port: Number(port) };
}

/** Which info-hashes were seen, and how. */
class Catalogue {
  readonly #known = new Set<string>();
  /** Queries that came in, by method. */
  readonly queries = new Map<string, number>();
  /** Nodes that gave a sample. */
  readonly sampled = new Set<string>();

  get size(): number {
    return this.#known.size;
  }

  add(infoHash: Uint8Array, how: string): void {
    const hash = infoHash.toHex();
    if (this.#known.has(hash) || this.#known.size >= MAX_KNOWN) return;
    this.#known.add(hash);
    console.log(`${hash} ${how}`);
  }

  note({ method, target, peer }: DhtQueryEvent): void {
    this.queries.set(method, (this.queries.get(method) ?? 0) + 1);
    // A query for peers may be wrong; an announce comes from a peer.
    if (method === "announce_peer" && peer !== undefined) {
      this.add(target!, `announced by ${peer.hostname} port ${peer.port}`);
    } else if (method === "get_peers") this.add(target!, "asked for");
  }
}

/** Asks for samples around one random id after the other. */
async function sample(
  dht: MainlineDht,
  catalogue: Catalogue,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    for await (const { from, infoHashes } of dht.sampleInfohashes({ signal })) {
      if (catalogue.sampled.size < MAX_KNOWN) {
        catalogue.sampled.add(`${from.hostname} ${from.port}`);
      }
      for (const infoHash of infoHashes) {
        catalogue.add(infoHash, `sampled from ${from.hostname}`);
      }
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, PAUSE_MS);
    const wake = () => resolve();
    signal.addEventListener("abort", wake);
    await promise;
    clearTimeout(timer);
    signal.removeEventListener("abort", wake);
  }
}

async function crawl(options: Options, signal: AbortSignal): Promise<void> {
  const { listen, bootstrap } = options;
  await using dht = await MainlineDht.open({ ...listen, bootstrap });
  console.error(
    `Node ${dht.id()!.toHex()} on port ${dht.locals[0]!.port}`,
  );
  const catalogue = new Catalogue();
  const watch = async () => {
    for await (const event of dht.events()) {
      if (event.type === "query") catalogue.note(event);
      else console.error(`${event.type}`);
    }
  };
  const watching = watch();
  try {
    await sample(dht, catalogue, signal);
  } catch (error) {
    if (error !== signal.reason) throw error;
  }
  const { nodes } = dht.stats();
  await dht.close();
  await watching;
  const queries = [...catalogue.queries].map(([method, count]) =>
    `${count} ${method}`
  );
  console.error(
    `Info-hashes: ${catalogue.size}, nodes: ${nodes}, nodes sampled: ${catalogue.sampled.size}, queries: ${
      queries.join(", ") || "none"
    }`,
  );
}

function parseOptions(args: readonly string[]): Options | undefined {
  const parsed = parseArgs([...args], {
    string: ["_", "listen", "bootstrap"],
    collect: ["bootstrap"],
  });
  const [seconds, ...rest] = parsed._ as string[];
  const ms = 1000 * Number(seconds);
  if (!(ms > 0) || rest.length > 0) return undefined;
  const bootstrap = parsed.bootstrap.map(parseEndpoint);
  return {
    ms,
    listen: parseEndpoint(parsed.listen ?? "0.0.0.0"),
    bootstrap: bootstrap.length > 0 ? bootstrap : DHT_ROUTERS,
  };
}

if (import.meta.main) {
  try {
    const options = parseOptions(Deno.args);
    if (options === undefined) {
      console.error(
        "Usage: dht_crawler.ts SECONDS [--listen IP[:PORT]] [--bootstrap HOST:PORT]...",
      );
      Deno.exit(2);
    }
    const ended = new AbortController();
    Deno.addSignalListener("SIGINT", () => ended.abort());
    setTimeout(() => ended.abort(), options.ms);
    await crawl(options, ended.signal);
    Deno.exit(0);
  } catch (error) {
    console.error(`dht_crawler: ${(error as Error).message}`);
    Deno.exit(1);
  }
}
