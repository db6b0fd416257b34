/**
 * A tracker inside a web site: the site's own `Deno.serve` answers announces
 * below /tracker, UDP shares its swarm table, only the site's own torrents are
 * served, and its page shows who has them.
 *
 * ```sh
 * deno run --allow-net examples/embedded_tracker.ts ADDRESS PORT HASH...
 * ```
 *
 * ADDRESS is an IP address of this machine, HASH the info-hash of a torrent, in
 * hex; the port may be 0 for any. Ctrl-C stops it.
 *
 * Permissions: `--allow-net` to listen, and to answer all who ask by UDP.
 *
 * @module
 */
import { InfoHashList, SwarmService, SwarmTable } from "@bip/bip/tracker";
import { createHttpTrackerHandler } from "@bip/bip/htracker";
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
  hashes: readonly string[],
  stopped: Promise<void>,
): Promise<void> {
  const service = new SwarmService({
    store: new SwarmTable(),
    allow: InfoHashList.parse(hashes.join("\n")),
  });
  const tracker = createHttpTrackerHandler({ service, basePath: "/tracker" });
  const site = Deno.serve(
    { hostname, port, onListen: () => {} },
    (request, info) =>
      new URL(request.url).pathname.startsWith("/tracker/")
        ? tracker(request, info)
        : page(service, hashes),
  );
  // The same number for both, as clients expect.
  await using _udp = await UdpTrackerServer.open({
    listen: { hostname, port: site.addr.port },
    service,
  });
  const { host } = new URL(`http://${hostname}:${site.addr.port}`);
  console.log(`http://${host}/tracker/announce`);
  console.log(`udp://${host}/announce`);
  console.log(`http://${host}/`);
  await stopped;
  await site.shutdown();
  const { announces, denied } = await service.stats();
  console.log(`Announces: ${announces}, refused: ${denied}`);
}

if (import.meta.main) {
  const [address, port, ...hashes] = Deno.args;
  if (hashes.length === 0) {
    console.error(
      "Usage: embedded_tracker.ts ADDRESS PORT HASH...",
    );
    Deno.exit(2);
  }
  try {
    const { promise: stopped, resolve } = Promise.withResolvers<void>();
    Deno.addSignalListener("SIGINT", resolve);
    await serve(address!, Number(port), hashes, stopped);
    Deno.exit(0);
  } catch (error) {
    console.error(`embedded_tracker: ${(error as Error).message}`);
    Deno.exit(1);
  }
}
