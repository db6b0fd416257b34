// Nodes of our DHT, each on an address of this machine: HOST:PORT...
import { formatEndpoint, tryParseEndpoint } from "../../../_shared/address.ts";
import { toHex } from "../../../_shared/bytes.ts";
import { MainlineDht } from "../../../dht/mod.ts";

const print = (line: unknown) =>
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(line) + "\n"));

/** Tells of each peer that is announced to a node, and by whom. */
async function watch(node: MainlineDht): Promise<void> {
  const told = new Set<string>();
  for await (const event of node.events()) {
    if (event.type !== "query" || event.peer === undefined) continue;
    const { target, peer, from } = event;
    const line = {
      type: "announce",
      hash: toHex(target!),
      peer: formatEndpoint(peer),
      node: formatEndpoint(from.address),
    };
    const key = JSON.stringify(line);
    if (told.has(key)) continue;
    told.add(key);
    print(line);
  }
}

const endpoints = Deno.args.map((text) => tryParseEndpoint(text)!);
const nodes = await Promise.all(
  endpoints.map(({ hostname, port }, i) =>
    MainlineDht.open({
      hostname,
      port,
      bootstrap: i === 0 ? [] : endpoints.slice(0, 1),
    })
  ),
);
for (const node of nodes) watch(node);
await Promise.all(nodes.slice(1).map((node) => node.bootstrapped));
print({ type: "listening", nodes: nodes.map((node) => node.stats().nodes) });
