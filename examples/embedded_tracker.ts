/**
 * A tracker inside an application: HTTP and UDP share one swarm table, only the
 * application's own torrents are served, and its page shows who has them.
 *
 * ```sh
 * deno run --allow-net examples/embedded_tracker.ts ADDRESS TRACKER_PORT PAGE_PORT HASH...
 * ```
 *
 * ADDRESS is an IP address of this machine, HASH the info-hash of a torrent, in
 * hex; ports may be 0 for any. Ctrl-C stops it.
 *
 * Permissions: `--allow-net` to listen, and to answer whoever asks by UDP.
 *
 * @module
 */
import { InfoHashList, type SwarmService } from "@bip/bip/tracker";
import { HttpTrackerServer } from "@bip/bip/htracker";
import { UdpTrackerServer } from "@bip/bip/utracker";

/** What the page says about the torrents. */
async function page(
  service: SwarmService,
  hashes: readonly string[],
): Promise<Response> {
  const torrents = [];
  for (const hash of hashes) {
    const infoHash = Uint8Array.fromHex(hash);
    const entry = await service.scrape(infoHash, 0, performance.now());
    torrents.push({ hash, ...entry });
  }
  return Response.json(torrents);
}

async function serve(
  hostname: string,
  port: number,
  pagePort: number,
  hashes: readonly string[],
  stopped: Promise<void>,
): Promise<void> {
  await using http = HttpTrackerServer.open({ listen: { hostname, port } });
  // The table of the one is that of the other, too.
  const { service } = http;
  service.allow = InfoHashList.parse(hashes.join("\n"));
  // The same number for both, as clients expect.
  await using _udp = await UdpTrackerServer.open({
    listen: { hostname, port: http.address.port },
    service,
  });
  const site = Deno.serve(
    { hostname, port: pagePort, onListen: () => {} },
    () => page(service, hashes),
  );
  console.log(http.url);
  console.log(http.url.replace("http:", "udp:"));
  console.log(`http://${new URL(http.url).hostname}:${site.addr.port}/`);
  await stopped;
  await site.shutdown();
  const { announces, denied } = await service.stats();
  console.log(`Announces: ${announces}, refused: ${denied}`);
}

if (import.meta.main) {
  const [address, port, pagePort, ...hashes] = Deno.args;
  if (hashes.length === 0) {
    console.error(
      "Usage: embedded_tracker.ts ADDRESS TRACKER_PORT PAGE_PORT HASH...",
    );
    Deno.exit(2);
  }
  try {
    const { promise: stopped, resolve } = Promise.withResolvers<void>();
    Deno.addSignalListener("SIGINT", resolve);
    await serve(address!, Number(port), Number(pagePort), hashes, stopped);
    Deno.exit(0);
  } catch (error) {
    console.error(`embedded_tracker: ${(error as Error).message}`);
    Deno.exit(1);
  }
}
