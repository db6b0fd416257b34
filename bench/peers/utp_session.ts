/**
 * A session that speaks uTP only, and says what `bip` says: `deno run -A
 * bench/peers/utp_session.ts seed|leech FILE.torrent DIR [PORT]`, with the port
 * of a peer on loopback.
 *
 * @module
 */
import { Session } from "../../client/session.ts";
import { UtpTransport } from "../../utp/transport.ts";

// deno-lint-ignore no-console -- the result
const say = (fields: object) => console.log(JSON.stringify(fields));

if (import.meta.main) {
  const [mode, torrent, dir, port] = Deno.args;
  const seeds = mode === "seed";
  using utp = new UtpTransport();
  await using session = await Session.open({
    listen: { hostname: "127.0.0.1", port: 0 },
    transports: [utp],
    // As libtorrent's has none: two round trips to find that out.
    encryption: "off",
    trackers: false,
    pex: false,
  });
  say({ type: "listening", port: session.local!.port });
  const start = performance.now();
  const added = session.add(await Deno.readFile(torrent!), {
    dir: dir!,
    seedMode: seeds,
    ...(port === undefined
      ? {}
      : { peers: [{ hostname: "127.0.0.1", port: Number(port) }] }),
  });
  await added.completed;
  say({ type: "complete", seconds: (performance.now() - start) / 1000 });
  if (!seeds) Deno.exit(0);
  await new Promise<void>((resolve) =>
    Deno.addSignalListener("SIGTERM", () => resolve())
  );
}
