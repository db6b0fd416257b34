/**
 * One torrent with a crowd of idle peers; prints one JSON line.
 *
 * `crowd_session.ts memory NEAR_FREE COUNT` seeds to them: what a peer takes;
 * `crowd_session.ts bare NEAR_FREE COUNT` is a loop of reads on the same
 * sockets, which nobody can undercut;
 * `crowd_session.ts leech NEAR_FREE COUNT FILE FOLDER PIECE_LENGTH` fetches a
 * file from a seeder while they look on.
 *
 * @module
 */
import { toHex } from "../../_shared/bytes.ts";
import { encodeBencode } from "../../bencode/mod.ts";
import { Session } from "../../client/session.ts";
import { MemoryFileSystem } from "../../disk/memory_file_system.ts";
import { createMetainfo, parseMetainfo } from "../../metainfo/mod.ts";

const PIECES = 1000;

interface Moment {
  readonly cpu: number;
  readonly rss: number;
  readonly heap: number;
}

/** CPU seconds so far; memory in bytes, garbage left out. */
function look(): Moment {
  for (let i = 0; i < 3; i++) (globalThis as { gc?: () => void }).gc?.();
  const stat = Deno.readTextFileSync("/proc/self/stat");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const { rss, heapUsed, external } = Deno.memoryUsage();
  return {
    cpu: (Number(fields[11]) + Number(fields[12])) / 100,
    rss,
    heap: heapUsed + external,
  };
}

function rest(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Starts a near-free peer, and waits for its first line. */
async function start(
  args: string[],
): Promise<{ line: string; end(): Promise<void> }> {
  const child = new Deno.Command(args[0]!, {
    args: args.slice(1),
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const [first] = await Array.fromAsync(
    child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(
      new TransformStream<string, string>({
        transform(text, controller) {
          controller.enqueue(text.trim());
          controller.terminate();
        },
      }),
    ),
  );
  return {
    line: first ?? "",
    async end() {
      await child.stdin.close();
      await child.status;
    },
  };
}

function report(before: Moment, after: Moment, count: number): void {
  // deno-lint-ignore no-console -- the result
  console.log(JSON.stringify({
    cpu: after.cpu - before.cpu,
    rssKib: (after.rss - before.rss) / 1024 / count,
    heapKib: (after.heap - before.heap) / 1024 / count,
  }));
}

async function memory(program: string, count: number): Promise<void> {
  const torrent = encodeBencode({
    info: {
      length: PIECES * 16384,
      name: "payload.bin",
      "piece length": 16384,
      pieces: new Uint8Array(20 * PIECES),
    },
  });
  await using session = await Session.open({
    listen: { hostname: "127.0.0.1", port: 0 },
    trackers: false,
    maxPeers: 2 * count + 100,
    maxPeersPerTorrent: 2 * count + 100,
  });
  const added = session.add(torrent, {
    fileSystem: new MemoryFileSystem(),
    seedMode: true,
  });
  while (added.state !== "seeding") await rest(10);
  const hash = toHex(parseMetainfo(torrent).infoHash);
  const port = String(session.local!.port);
  // The first ones pay for code and for what grows by doubling.
  const first = await start([program, "idle", hash, port, "100"]);
  while (added.stats().peers < 100) await rest(10);
  await first.end();
  while (added.stats().peers > 0) await rest(10);
  await rest(500);
  const before = look();
  const crowd = await start([program, "idle", hash, port, String(count)]);
  while (added.stats().peers < count) await rest(10);
  await rest(2000);
  const after = look();
  if (Deno.env.has("BIP_HEAP_SNAPSHOT")) {
    const { writeHeapSnapshot } = await import("node:v8");
    writeHeapSnapshot(Deno.env.get("BIP_HEAP_SNAPSHOT")!);
  }
  report(before, after, count);
  await crowd.end();
}

async function bare(program: string, count: number): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let open = 0;
  const serve = async (conn: Deno.TcpConn) => {
    open++;
    const bytes = new Uint8Array(1024);
    await conn.read(bytes);
    await conn.write(bytes.subarray(0, 68));
    while (await conn.read(bytes).catch(() => null) !== null);
    conn.close();
    open--;
  };
  const accepting = (async () => {
    for await (const conn of listener) serve(conn).catch(() => {});
  })();
  const port = String(listener.addr.port);
  const hash = "00".repeat(20);
  const first = await start([program, "idle", hash, port, "100"]);
  await first.end();
  while (open > 0) await rest(10);
  await rest(500);
  const before = look();
  const crowd = await start([program, "idle", hash, port, String(count)]);
  await rest(2000);
  report(before, look(), count);
  await crowd.end();
  listener.close();
  await accepting;
}

async function leech(program: string, count: number): Promise<void> {
  const [path, dir, pieceLength] = Deno.args.slice(3) as [
    string,
    string,
    string,
  ];
  const torrent = await createMetainfo({
    inputs: [{ path }],
    pieceLength: Number(pieceLength),
  });
  const hash = toHex(parseMetainfo(torrent).infoHash);
  await using session = await Session.open({
    listen: { hostname: "127.0.0.1", port: 0 },
    trackers: false,
    maxPeers: 2 * count + 100,
    maxPeersPerTorrent: 2 * count + 100,
  });
  const added = session.add(torrent, { dir });
  while (added.state !== "downloading") await rest(10);
  const port = String(session.local!.port);
  const crowd = await start([program, "idle", hash, port, String(count)]);
  while (added.stats().peers < count) await rest(10);
  await rest(1000);
  const seed = await start([program, "seed", hash, path, pieceLength]);
  const before = look();
  added.addPeers([{ hostname: "127.0.0.1", port: Number(seed.line) }]);
  await added.completed;
  report(before, look(), count);
  await Promise.all([seed.end(), crowd.end()]);
}

if (import.meta.main) {
  const [mode, program, count] = Deno.args as [string, string, string];
  const run = { memory, bare, leech }[mode]!;
  await run(program, Number(count));
}
