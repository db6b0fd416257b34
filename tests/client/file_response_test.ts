/** Files of torrents over HTTP. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { fileResponse } from "../../client/file_response.ts";
import type { Torrent } from "../../client/torrent.ts";
import { simTorrent, SwarmWorld } from "../../testing/mod.ts";

const pure = { permissions: "none" } as const;
const LENGTH = 100_000;
const NAME = `"ü" %\\\u2603.mp4`;

/** What a host that fetches three files answers. */
async function scene(world: SwarmWorld) {
  const torrent = await simTorrent([
    ["a.mp4", LENGTH],
    ["b.html", 10],
    ["empty.txt", 0],
  ]);
  const seed = await world.seeder(torrent);
  const host = await world.host();
  const one = host.add(torrent, { peers: [seed.address] });
  const right = torrent.content.get("sim/a.mp4")!;
  return { one, right };
}

function ask(
  torrent: Torrent,
  headers: Record<string, string> = {},
  { method = "GET", index = 0 } = {},
): Response {
  return fileResponse(
    torrent,
    torrent.files[index]!,
    new Request("http://localhost/", { method, headers }),
  );
}

Deno.test("fileResponse sends a file, and its head", pure, async () => {
  await using world = new SwarmWorld();
  const { one, right } = await scene(world);
  const whole = ask(one);
  const tag = `"${one.infoHash.toHex()}-0"`;
  assertEquals(whole.status, 200);
  assertEquals(Object.fromEntries(whole.headers), {
    "accept-ranges": "bytes",
    "cache-control": "no-cache",
    "content-disposition": `inline; filename="a.mp4"; filename*=UTF-8''a.mp4`,
    "content-length": `${LENGTH}`,
    "content-type": "video/mp4",
    etag: tag,
    "x-content-type-options": "nosniff",
  });
  assertEquals(await world.run(whole.bytes()), right);
  const head = ask(one, { range: "bytes=5-9" }, { method: "HEAD" });
  assertEquals([head.status, head.body], [206, null]);
  assertEquals(head.headers.get("content-length"), "5");
  const page = ask(one, {}, { index: 1 });
  assertEquals(page.headers.get("content-type"), "application/octet-stream");
  await page.body!.cancel();
  const empty = ask(one, {}, { index: 2 });
  assertEquals([empty.status, await empty.text()], [200, ""]);
  assertEquals(empty.headers.get("content-length"), "0");
});

Deno.test("fileResponse sends parts", pure, async () => {
  await using world = new SwarmWorld();
  const { one, right } = await scene(world);
  for (
    const [range, start, end] of [
      ["bytes=0-0", 0, 1],
      ["bytes=70000-", 70_000, LENGTH],
      ["bytes=-10", LENGTH - 10, LENGTH],
      ["bytes=99999-200000", 99_999, LENGTH],
    ] as const
  ) {
    const part = ask(one, { range });
    assertEquals(part.status, 206, range);
    assertEquals(
      part.headers.get("content-range"),
      `bytes ${start}-${end - 1}/${LENGTH}`,
    );
    assertEquals(part.headers.get("content-length"), `${end - start}`);
    assertEquals(await world.run(part.bytes()), right.slice(start, end));
  }
});

Deno.test(
  "fileResponse refuses parts that are nowhere, and sends all for several",
  pure,
  async () => {
    await using world = new SwarmWorld();
    const { one } = await scene(world);
    for (
      const range of ["bytes=100000-", "bytes=-0", "bytes=200000-,100000-"]
    ) {
      const none = ask(one, { range });
      assertEquals([none.status, none.body], [416, null], range);
      assertEquals(none.headers.get("content-range"), `bytes */${LENGTH}`);
    }
    for (
      const range of ["bytes=0-1,5-6", "bytes=9-5", "lines=1-2", "bytes=x"]
    ) {
      const whole = ask(one, { range });
      assertEquals(whole.status, 200, range);
      assertEquals(whole.headers.get("content-range"), null);
      await whole.body!.cancel();
    }
  },
);

Deno.test("fileResponse obeys conditions", pure, async () => {
  await using world = new SwarmWorld();
  const { one } = await scene(world);
  const tag = `"${one.infoHash.toHex()}-0"`;
  const range = "bytes=0-4";
  const status = async (headers: Record<string, string>, method = "GET") => {
    const response = ask(one, headers, { method });
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await status({ "if-none-match": tag }), 304);
  assertEquals(await status({ "if-none-match": `"x", W/${tag}`, range }), 304);
  assertEquals(await status({ "if-none-match": "*" }), 304);
  assertEquals(await status({ "if-none-match": '"x"' }), 200);
  assertEquals(await status({ "if-match": tag }), 200);
  assertEquals(await status({ "if-match": "*" }), 200);
  assertEquals(await status({ "if-match": `W/${tag}` }), 412);
  assertEquals(await status({ "if-range": tag, range }), 206);
  assertEquals(await status({ "if-range": `W/${tag}`, range }), 200);
  assertEquals(
    await status({ "if-range": "Sat, 28 Nov 2026 00:00:00 GMT", range }),
    200,
  );
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
    const no = ask(one, {}, { method });
    assertEquals([no.status, no.headers.get("allow")], [405, "GET, HEAD"]);
  }
});

Deno.test(
  "fileResponse: odd names stay within their header",
  pure,
  async () => {
    await using world = new SwarmWorld();
    const torrent = await simTorrent([["x.mp4", 10]]);
    const host = await world.host();
    const one = host.add(torrent);
    await world.until(() => one.state === "downloading");
    await world.run(one.files[0]!.rename([NAME]));
    const head = ask(one, {}, { method: "HEAD" }).headers;
    assertEquals(
      head.get("content-disposition"),
      `inline; filename="___ ___.mp4"; filename*=UTF-8''%22%C3%BC%22%20%25%5C%E2%98%83.mp4`,
    );
  },
);

Deno.test(
  "fileResponse stops when it is cancelled, and with the torrent",
  pure,
  async () => {
    await using world = new SwarmWorld();
    const torrent = await simTorrent([["a.mp4", LENGTH]]);
    const host = await world.host();
    const one = host.add(torrent);
    await world.until(() => one.state === "downloading");
    await ask(one).body!.cancel();
    const rest = ask(one).bytes();
    const removed = assertRejects(() => rest, Error, "removed");
    await world.run(one.close());
    await world.run(removed);
    assert(host.session.torrents.length === 0);
  },
);
