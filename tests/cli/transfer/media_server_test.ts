/** What `bip stream` answers. */
import { assert, assertEquals } from "@std/assert";
import { MediaServer, serveMedia } from "../../../cli/transfer/media_server.ts";
import { simTorrent, SwarmWorld } from "../../../testing/mod.ts";

const pure = { permissions: "none" } as const;

/** A server of two of three files, all there. */
async function scene(world: SwarmWorld, isLocal = true) {
  const torrent = await simTorrent([
    ["a.txt", 5],
    ["b ü\n.mp4", 70_000],
    ["c.mp3", 300],
  ]);
  const host = await world.seeder(torrent);
  await world.until(() => host.torrent.state === "seeding");
  const server = new MediaServer({ torrent: host.torrent, isLocal });
  const ask = (target: string, asked: Record<string, string> = {}) => {
    const { status, headers, body } = server.answer({
      method: "GET",
      target,
      headers: Object.entries(asked),
      keepAlive: false,
      bodyLength: 0,
    }, { hostname: "127.0.0.1", port: 80 });
    return new Response(body as BodyInit | undefined, {
      status,
      headers: headers as [string, string][] ?? [],
    });
  };
  const choose = () =>
    server.files = [host.torrent.files[1]!, host.torrent.files[2]!];
  return { torrent, server, ask, choose };
}

Deno.test(
  "MediaServer serves what was chosen, and a list of it",
  pure,
  async () => {
    await using world = new SwarmWorld();
    const { torrent, ask, choose } = await scene(world);
    assertEquals(ask("/").status, 503);
    choose();
    const first = ask("/").headers.get("location")!;
    assertEquals(first, "/2/b%20%C3%BC%0A.mp4");
    const film = torrent.content.get("sim/b ü\n.mp4")!;
    assertEquals(await ask(first).bytes(), film);
    assertEquals(
      await ask("/2", { range: "bytes=-2" }).bytes(),
      film.slice(-2),
    );
    assertEquals(
      await ask("/playlist.m3u").text(),
      `#EXTM3U
#EXTINF:-1,sim/b ü\\x0a.mp4
http://127.0.0.1${first}
#EXTINF:-1,sim/c.mp3
http://127.0.0.1/3/c.mp3
`,
    );
    for (const path of ["/1", "/1/a.txt", "/0", "/4", "/2/a/b", "/x", "/2e0"]) {
      assertEquals(ask(path).status, 404, path);
    }
  },
);

Deno.test("MediaServer on this machine is for this machine", pure, async () => {
  await using world = new SwarmWorld();
  const { ask, choose } = await scene(world);
  choose();
  const status = (headers: Record<string, string>) => {
    const response = ask("/2", headers);
    void response.body?.cancel();
    return response.status;
  };
  for (
    const host of [
      "127.0.0.1",
      "127.0.0.1:8000",
      "127.9.9.9",
      "localhost",
      "LocalHost:80",
      "[::1]:80",
    ]
  ) assertEquals(status({ host }), 200, host);
  for (
    const host of [
      "evil.example",
      "localhost.evil.example",
      "127.0.0.1.evil.example:80",
      "10.0.0.1",
      "[::2]",
      "",
      "x@127.0.0.1.evil.example",
    ]
  ) assertEquals(status({ host }), 403, host);
  assertEquals(status({ host: "a b" }), 400);
  const site = { host: "127.0.0.1", "sec-fetch-site": "cross-site" };
  assertEquals(status({ ...site, "sec-fetch-mode": "no-cors" }), 403);
  assertEquals(status({ ...site, "sec-fetch-mode": "navigate" }), 200);
});

Deno.test("MediaServer elsewhere is called as people like", pure, async () => {
  await using world = new SwarmWorld();
  const { ask, choose } = await scene(world, false);
  choose();
  const film = ask("/2", { host: "tv.example" });
  assertEquals(film.status, 200);
  await film.body!.cancel();
});

/** Sends bytes, and reads what comes back to the end. */
async function talk(port: number, text: string): Promise<string> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(new TextEncoder().encode(text));
  return await new Response(conn.readable).text();
}

Deno.test("serveMedia() answers who asks, however many are silent", async () => {
  await using world = new SwarmWorld();
  const { torrent, server, choose } = await scene(world);
  choose();
  const http = serveMedia(server, { hostname: "127.0.0.1", port: 0 });
  const { port } = http.local;
  const silent = await Promise.all(
    Array.from(
      { length: 40 },
      () => Deno.connect({ hostname: "127.0.0.1", port }),
    ),
  );
  const head = `HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nconnection: close\r\n`;
  const film = torrent.content.get("sim/b ü\n.mp4")!;
  const answer = await fetch(`http://127.0.0.1:${port}/2`, {
    headers: { range: "bytes=3-9" },
  });
  assertEquals(answer.status, 206);
  assertEquals(await answer.bytes(), film.slice(3, 10));
  const list = await talk(port, `GET /playlist.m3u ${head}\r\n`);
  assert(list.includes(`http://127.0.0.1:${port}/3/c.mp3`), list);
  const first = (text: string) => text.slice(9, 12);
  assertEquals(first(await talk(port, `GET / ${head}\r\n`)), "302");
  assertEquals(first(await talk(port, `POST /2 ${head}\r\n`)), "405");
  assertEquals(first(await talk(port, `GET //2 ${head}\r\n`)), "404");
  const nowhere =
    "GET /2 HTTP/1.1\r\nhost: a:99999\r\nconnection: close\r\n\r\n";
  assertEquals(first(await talk(port, nowhere)), "400");
  const foreign =
    "GET /2 HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n";
  assertEquals(first(await talk(port, foreign)), "403");
  assert(http.connections <= 16);
  for (const conn of silent) conn.close();
  await http.close();
});
