// Announces or watches a hash and prints who else does: HASH PORT [FAMILY]
import { tryFromHex } from "../../_shared/bytes.ts";
import { LocalDiscovery } from "../../lpd/mod.ts";

const [hash, port, family] = Deno.args;
const print = (line: unknown) =>
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(line) + "\n"));

// Anyone who hears of us may dial us.
if (port !== "0") {
  const listener = Deno.listen({ hostname: "0.0.0.0", port: Number(port) });
  (async () => {
    for await (const connection of listener) {
      print({ type: "dialled", hostname: connection.remoteAddr.hostname });
      connection.close();
    }
  })();
}

const discovery = await LocalDiscovery.open(
  family ? { families: [Number(family) as 4 | 6] } : {},
);
const infoHash = tryFromHex(hash!)!;
if (port === "0") discovery.watch(infoHash);
else discovery.announce(infoHash, Number(port));
print({ type: "listening", interfaces: discovery.stats().interfaces });
setTimeout(() => print({ type: "stats", ...discovery.stats() }), 3000);
for await (const { address, source } of discovery) {
  print({ type: "peer", ...address, source });
}
