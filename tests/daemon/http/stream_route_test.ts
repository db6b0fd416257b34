import { assertEquals } from "@std/assert";
import { Daemon } from "../../../daemon/daemon.ts";
import { DaemonServer } from "../../../daemon/daemon_server.ts";
import { createMetainfo } from "../../../metainfo/mod.ts";
import { TempDir } from "../../support/paths.ts";

Deno.test("files are streamed by hash and index, where that is wanted", async () => {
  await using dir = new TempDir();
  const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => i % 251);
  await Deno.writeFile(dir.join("a.mp4"), bytes);
  await using daemon = await Daemon.open({
    state: ":memory:",
    dir: dir.path,
    session: { listen: false, dht: false, lpd: false, portMap: false },
  });
  const listen = { hostname: "127.0.0.1", port: 0 };
  await using server = DaemonServer.open(daemon, { listen, stream: true });
  await using silent = DaemonServer.open(daemon, { listen });
  const torrent = await daemon.add(
    await createMetainfo({ inputs: [{ path: ["a.mp4"], bytes }] }),
  );
  const link = await daemon.add("ab".repeat(20), { paused: true });
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${server.url}${path}`, init);
    const body = new Uint8Array(await response.arrayBuffer());
    return { status: response.status, headers: response.headers, body };
  };
  const path = `stream/${torrent.infoHash}/0`;
  const whole = await ask(path);
  assertEquals([whole.status, whole.body], [200, bytes]);
  assertEquals(whole.headers.get("content-type"), "video/mp4");
  assertEquals(whole.headers.get("x-frame-options"), "DENY");
  const part = await ask(path, { headers: { range: "bytes=1000-1999" } });
  assertEquals([part.status, part.body], [206, bytes.slice(1000, 2000)]);
  assertEquals(
    part.headers.get("content-range"),
    "bytes 1000-1999/300000",
  );
  const head = await ask(path, { method: "HEAD" });
  assertEquals([head.status, head.body.length], [200, 0]);
  assertEquals(head.headers.get("content-length"), "300000");
  const tag = whole.headers.get("etag")!;
  const same = await ask(path, { headers: { "if-none-match": tag } });
  assertEquals(same.status, 304);
  const beyond = await ask(path, { headers: { range: "bytes=300000-" } });
  assertEquals(beyond.status, 416);
  assertEquals((await ask(path, { method: "POST" })).status, 405);
  assertEquals((await ask(`stream/${link.infoHash}/0`)).status, 503);
  const nowhere = [
    `stream/${torrent.infoHash}/1`,
    `stream/${torrent.infoHash}/0x0`,
    `stream/${torrent.infoHash}/../../etc/passwd`,
    `stream/${torrent.infoHash}/%2e%2e`,
    `stream/${"cd".repeat(20)}/0`,
    "stream/x/0",
  ];
  for (const path of nowhere) assertEquals((await ask(path)).status, 404, path);
  const off = await fetch(`${silent.url}${path}`);
  assertEquals(off.status, 404);
  await off.body?.cancel();
});
