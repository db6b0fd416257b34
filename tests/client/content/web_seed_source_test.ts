import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Session } from "../../../client/session.ts";
import type { Torrent } from "../../../client/torrent.ts";
import type { SessionOptions } from "../../../client/types.ts";
import { MemoryFileSystem } from "../../../disk/memory_file_system.ts";
import { createMetainfo, parseMetainfo } from "../../../metainfo/mod.ts";
import type { Metainfo } from "../../../metainfo/mod.ts";
import { seededRandom } from "../../../_shared/random.ts";

type Files = Readonly<Record<string, Uint8Array<ArrayBuffer>>>;

const FILES: Files = Object.fromEntries(
  Object.entries({
    "a b/ü #1.bin": 200_000,
    "empty": 0,
    "small?": 100,
    "z%41.bin": 150_001,
  }).map(([path, length], i) => [
    path,
    seededRandom(i + 1).getRandomValues(new Uint8Array(length)),
  ]),
);

/** A torrent of these files. */
async function make(
  options: Partial<Parameters<typeof createMetainfo>[0]> = {},
  files: Files = FILES,
): Promise<Metainfo> {
  const inputs = Object.entries(files).map(([path, bytes]) => ({
    path: path.split("/"),
    bytes,
  }));
  return parseMetainfo(
    await createMetainfo({
      inputs,
      name: "påyload",
      pieceLength: 32_768,
      ...options,
    }),
  );
}

/** A web server's answer for one of the files. */
function answer(request: Request, ranges = true, files = FILES): Response {
  const path = decodeURIComponent(new URL(request.url).pathname);
  const bytes = files[path.replace(/^\/(dir\/)?påyload\//, "")];
  if (bytes === undefined) return new Response(null, { status: 404 });
  const match = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "");
  if (match === null || !ranges) return new Response(bytes);
  const [start, end] = [Number(match[1]), Number(match[2]) + 1];
  return new Response(bytes.slice(start, end), {
    status: 206,
    headers: { "content-range": `bytes ${start}-${end - 1}/${bytes.length}` },
  });
}

/** `fetch` that a server answers without a network. */
function fetchOf(
  handler: (request: Request) => Response | Promise<Response>,
): NonNullable<SessionOptions["fetch"]> {
  return async (url, init) => await handler(new Request(url, init));
}

/** A session without peers, and a download. */
async function download(
  metainfo: Metainfo,
  handler: (request: Request) => Response | Promise<Response>,
  options: SessionOptions = {},
  webSeeds: readonly string[] = ["http://8.8.8.8/dir/"],
): Promise<
  & { torrent: Torrent; fileSystem: MemoryFileSystem; session: Session }
  & AsyncDisposable
> {
  const session = await Session.open({
    listen: false,
    fetch: fetchOf(handler),
    random: seededRandom(4),
    ...options,
  });
  const fileSystem = new MemoryFileSystem();
  const torrent = session.add(metainfo, { fileSystem, webSeeds });
  return {
    torrent,
    fileSystem,
    session,
    [Symbol.asyncDispose]: () => session.close(),
  };
}

async function assertStored(
  fileSystem: MemoryFileSystem,
  files: Files = FILES,
): Promise<void> {
  for (const [path, bytes] of Object.entries(files)) {
    const file = await fileSystem.open(["påyload", ...path.split("/")], {
      write: false,
    });
    const stored = new Uint8Array(bytes.length);
    await file.read(stored, 0);
    assertEquals(stored, bytes, path);
    await file.close();
  }
}

for (const version of ["v1", "v2", "hybrid"] as const) {
  for (const ranges of [true, false]) {
    Deno.test(`web seeds - ${version} from a server ${ranges ? "with" : "without"} ranges, no peer`, async () => {
      const metainfo = await make({ version });
      await using it = await download(
        metainfo,
        (request) => answer(request, ranges),
      );
      await it.torrent.completed;
      const stats = it.torrent.stats();
      assertEquals(stats.state, "seeding");
      assertEquals(stats.doneBytes, metainfo.totalLength);
      assertEquals(stats.wastedBytes, 0);
      assert(stats.downloadedBytes >= metainfo.totalLength);
      if (ranges) assertEquals(stats.downloadedBytes, metainfo.totalLength);
      await assertStored(it.fileSystem);
      const [status] = it.torrent.webSeeds();
      assertEquals([status!.name, status!.state], ["http://8.8.8.8", "ready"]);
      await it.session.close();
    });
  }
}

Deno.test("web seeds - a torrent's own URLs, of a link or of a file", async () => {
  const metainfo = await make({ webSeeds: ["http://8.8.8.8/dir"] });
  await using it = await download(metainfo, (r) => answer(r), {}, []);
  await it.torrent.completed;
  await assertStored(it.fileSystem);
});

Deno.test("web seeds - the wrong word of a stranger leads nowhere inside", async () => {
  const asked: string[] = [];
  const metainfo = await make({
    webSeeds: ["http://127.0.0.1:50000/", "http://10.0.0.1/", "ftp://8.8.8.8/"],
  });
  await using it = await download(
    metainfo,
    (request) => {
      asked.push(request.url);
      return answer(request);
    },
    {},
    ["http://127.0.0.1:50001/"],
  );
  await it.torrent.completed;
  assert(asked.length > 0);
  assert(asked.every((url) => url.startsWith("http://127.0.0.1:50001/")));
});

Deno.test("web seeds - are left alone when the session says so, and refused when they are none", async () => {
  const metainfo = await make({ webSeeds: ["http://8.8.8.8/"] });
  await using it = await download(metainfo, () => {
    throw new Error("Nobody is to be asked");
  }, { webSeeds: false });
  assertEquals(it.torrent.webSeeds(), []);
  for (const url of ["ftp://a.example/", "x", "http://"]) {
    assertThrows(
      () => it.session.add(metainfo, { webSeeds: [url] }),
      TypeError,
    );
  }
  const completed = it.torrent.completed;
  await it.session.close();
  await assertRejects(() => completed);
});

Deno.test("web seeds - only wanted files are asked for", async () => {
  const metainfo = await make({ version: "v2" });
  const asked = new Set<string>();
  const session = await Session.open({
    listen: false,
    fetch: fetchOf((request) => {
      asked.add(request.url);
      return answer(request);
    }),
  });
  const index = metainfo.files.findIndex(({ path }) => path[0] === "z%41.bin");
  const torrent = session.add(metainfo, {
    fileSystem: new MemoryFileSystem(),
    webSeeds: ["http://8.8.8.8/dir/"],
    files: [index],
  });
  await torrent.completed;
  assertEquals([...asked], ["http://8.8.8.8/dir/p%C3%A5yload/z%2541.bin"]);
  // What is wanted later is fetched later.
  await torrent.selectFiles([0, 1, 2, 3]);
  await torrent.completed;
  assertEquals(asked.size, 3);
  await session.close();
});

Deno.test("web seeds - a bad file is left alone, others are used, another server helps", async () => {
  const metainfo = await make({ version: "v2" });
  const asked: Record<string, number> = {};
  await using it = await download(
    metainfo,
    async (request) => {
      const { hostname, pathname } = new URL(request.url);
      const key = `${hostname} ${decodeURIComponent(pathname).slice(-8)}`;
      asked[key] = (asked[key] ?? 0) + 1;
      const response = answer(request);
      if (hostname === "8.8.4.4" || !pathname.endsWith("z%2541.bin")) {
        return response;
      }
      const bytes = await response.bytes();
      return new Response(bytes.fill(1), response);
    },
    {},
    ["http://8.8.8.8/", "http://8.8.4.4/"],
  );
  await it.torrent.completed;
  await assertStored(it.fileSystem);
  const [bad, good] = it.torrent.webSeeds();
  assertEquals([bad!.state, good!.state], ["ready", "ready"]);
  assert(good!.downloadedBytes >= 150_001);
});

Deno.test("web seeds - a bad single file bans the server", async () => {
  const files = { "one.bin": FILES["a b/ü #1.bin"]! };
  const metainfo = parseMetainfo(
    await createMetainfo({
      inputs: [{ path: ["one.bin"], bytes: files["one.bin"] }],
      pieceLength: 32_768,
    }),
  );
  let asked = 0;
  const bad = Promise.withResolvers<void>();
  await using it = await download(metainfo, (request) => {
    asked++;
    const range = request.headers.get("range")!.slice(6).split("-").map(Number);
    return new Response(new Uint8Array(range[1]! + 1 - range[0]!), {
      status: 206,
      headers: { "content-range": `bytes ${range[0]}-${range[1]}/200000` },
    });
  });
  const events = it.torrent.events();
  void (async () => {
    for await (const event of events) {
      if (event.type === "piece" && !event.good) bad.resolve();
    }
  })();
  await bad.promise;
  const [status] = it.torrent.webSeeds();
  assertEquals(status!.state, "banned");
  assertEquals([asked, it.torrent.stats().state], [1, "downloading"]);
  it.torrent.completed.catch(() => {});
});

Deno.test("web seeds - pause ends requests, resume goes on", async () => {
  const metainfo = await make();
  const asked = Promise.withResolvers<AbortSignal>();
  let isHeld = true;
  let count = 0;
  await using it = await download(metainfo, (request) => {
    count++;
    if (!isHeld) return answer(request);
    asked.resolve(request.signal);
    return new Promise((_, reject) =>
      request.signal.addEventListener(
        "abort",
        () => reject(request.signal.reason),
      )
    );
  });
  const signal = await asked.promise;
  await it.torrent.pause();
  assert(signal.aborted);
  assertEquals([it.torrent.webSeeds()[0]!.active, count], [0, 1]);
  isHeld = false;
  assert(await it.torrent.resume());
  await it.torrent.completed;
  await assertStored(it.fileSystem);
});
