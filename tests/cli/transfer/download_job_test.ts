import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { createMetainfo } from "../../../metainfo/mod.ts";
import { runBip, startBip } from "../../support/bip.ts";
import { bipArguments } from "../../support/bip_command.ts";
import { TempDir } from "../../support/paths.ts";

const LOCAL = ["--listen", "127.0.0.1", "--port", "0", "--no-pex"];

/** Two files that are seeded, their torrents saved. */
async function seeds(temp: TempDir) {
  const seeded = [];
  for (const name of ["a.bin", "b.bin"]) {
    const path = temp.join(name);
    await Deno.writeFile(path, crypto.getRandomValues(new Uint8Array(60_000)));
    const torrent = temp.join(`${name}.torrent`);
    const child = startBip(
      ["seed", path, "--save-torrent", torrent, "--json", ...LOCAL],
      {
        permissions: [
          "--allow-net",
          `--allow-read=${torrent},${path}`,
          `--allow-write=${torrent}`,
        ],
      },
    );
    const { magnet } = await child.line("torrent");
    const { port } = await child.line("listening");
    const peer = `127.0.0.1:${port}`;
    seeded.push({ path, torrent, child, peer, magnet: String(magnet) });
  }
  return seeded as [typeof seeded[0], typeof seeded[0]];
}

Deno.test("bip download takes several sources: one that fails ends no other", async () => {
  await using temp = new TempDir();
  const [a, b] = await seeds(temp);
  await using _a = a.child;
  await using _b = b.child;
  const out = temp.join("out");
  const { code, lines, stderr } = await runBip([
    "download",
    a.torrent,
    temp.join("none"),
    `${b.magnet}&x.pe=${b.peer}`,
    a.torrent,
    "-o",
    out,
    "--peer",
    a.peer,
    "--timeout",
    "30",
    "--json",
    ...LOCAL,
  ]);
  assertEquals(code, 6, stderr);
  for (const { path } of [a, b]) {
    const name = path.slice(path.lastIndexOf("/"));
    assertEquals(await Deno.readFile(out + name), await Deno.readFile(path));
  }
  const done = lines.filter(({ type }) => type === "complete");
  assertEquals(done.length, 2);
  const hashes = new Set(done.map(({ infoHash }) => infoHash));
  assertEquals(hashes.size, 2);
  for (const line of lines) {
    if (line.type === "peer") assert(hashes.has(line.torrent), "whose it is");
  }
  const error = lines.find(({ type }) => type === "error")!;
  assertEquals([error.code, error.source], ["not-found", temp.join("none")]);
  assertStringIncludes(stderr, "is named twice");
  // Scripts know how many they named, whatever came of the others.
  const left = await runBip([
    ...["download", temp.join("none"), a.torrent, "-o", out, "--json"],
    ...LOCAL,
  ]);
  assertEquals(left.code, 6, left.stderr);
  const states = left.lines.filter(({ type }) => type === "state");
  assert(states.length > 0);
  for (const { torrent } of states) assert(hashes.has(torrent), `${torrent}`);
});

Deno.test("bip download reads stdin, file: and http URLs, and writes the torrent of a magnet link", async () => {
  await using temp = new TempDir();
  const [a, b] = await seeds(temp);
  await using _a = a.child;
  await using _b = b.child;
  const bytes = await Deno.readFile(a.torrent);
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) =>
      new URL(request.url).pathname === "/t"
        ? new Response(bytes)
        : request.url.endsWith("/indexer")
        ? new Response(null, { status: 302, headers: { location: a.magnet } })
        : new Response("<!doctype html><p>Log in", {
          headers: { "content-type": "text/html" },
        }),
  );
  const web = `http://127.0.0.1:${server.addr.port}`;
  const get = async (args: readonly string[], stdin?: Uint8Array) => {
    const child = new Deno.Command(Deno.execPath(), {
      args: bipArgs(["download", ...args, "--timeout", "30", ...LOCAL]),
      cwd: temp.path,
      env: { NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    if (stdin !== undefined) await writer.write(stdin);
    await writer.close();
    const { code, stderr } = await child.output();
    return { code, stderr: new TextDecoder().decode(stderr) };
  };
  const into = (name: string) => ["-o", name, "--peer", a.peer];
  const results = [
    await get(["-", ...into("1")], bytes),
    await get([`file://${a.torrent}`, ...into("2")]),
    await get([`${web}/t`, ...into("3")]),
    await get(
      ["-", "-o", "4", "--peer", a.peer, "--peer", b.peer],
      new TextEncoder().encode(`${a.magnet}\r\n\n${b.magnet}\n`),
    ),
    await get([`${web}/indexer`, ...into("5")]),
  ];
  for (const { code, stderr } of results) {
    assertEquals(code, 0, stderr);
    assertStringIncludes(stderr, "Complete: a.bin, 58.6 KiB in");
  }
  assertStringIncludes(results[3]!.stderr, "Complete: b.bin");
  const odd = await get(
    ["-", ...into("6")],
    new TextEncoder().encode(`${a.magnet}\nnope\n`),
  );
  assertEquals(odd.code, 2);
  assertStringIncludes(odd.stderr, 'not a link, info-hash or URL: "nope"');
  const page = await get([`${web}/page?passkey=secret`]);
  assertEquals(page.code, 4, page.stderr);
  assertEquals(
    page.stderr,
    `bip: error: ${web}/page is not a valid torrent: it is a web page\n`,
  );
  // Without -o: where the person stands. The saved torrent is the seed's own.
  const saved = await get([
    `urn:btih:${/btih:(\w+)/.exec(a.magnet)![1]}`,
    "--peer",
    a.peer,
    "--save-torrent",
    "saved.torrent",
    "--max-peers",
    "3",
  ]);
  assertEquals(saved.code, 0, saved.stderr);
  const info = await runBip(["info", temp.join("saved.torrent"), "--json"]);
  assertStringIncludes(JSON.stringify(info.lines), "a.bin");
});

Deno.test("bip download --move-completed goes on from what it moved, and says first what is in the way", async () => {
  await using temp = new TempDir();
  const [a, b] = await seeds(temp);
  await using _a = a.child;
  await using _b = b.child;
  const get = (to: string, ...args: string[]) =>
    runBip([
      ...["download", a.torrent, "-o", temp.join("new"), "--timeout", "30"],
      ...["--move-completed", temp.join(to), ...LOCAL, ...args],
    ]);
  const first = await get("done", "--peer", a.peer);
  assertEquals(first.code, 0, first.stderr);
  const length = (await Deno.stat(temp.join("done/a.bin"))).size;
  // Nobody is asked: it is there.
  const again = await get("done");
  assertEquals(again.code, 0, again.stderr);
  assertStringIncludes(again.stderr, "(0 B downloaded)");
  await Deno.truncate(temp.join("done/a.bin"), length - 1);
  const late = await get("done", "--peer", a.peer);
  assertEquals(late.code, 6, late.stderr);
  assertStringIncludes(
    late.stderr,
    `${temp.join("done/a.bin")} already exists`,
  );
  await assertRejects(() => Deno.lstat(temp.join("new/a.bin")));
});

function bipArgs(args: readonly string[]): string[] {
  return bipArguments(args, {
    flags: ["--unstable-net"],
    permissions: ["--allow-net", "--allow-read", "--allow-write"],
  });
}

Deno.test("download --web-seed - fetches from a web server, --no-web-seeds does not", async () => {
  await using temp = new TempDir();
  const data = crypto.getRandomValues(new Uint8Array(50_000));
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response(data),
  );
  const url = `http://127.0.0.1:${server.addr.port}/data.bin`;
  const torrent = temp.join("a.torrent");
  await Deno.writeFile(
    torrent,
    await createMetainfo({
      inputs: [{ path: ["data.bin"], bytes: data }],
      // It may not lead to this machine; what a person names may.
      webSeeds: [url],
    }),
  );
  const run = (...args: string[]) =>
    runBip(["download", torrent, "-o", temp.join("out"), ...args]);
  const alone = ["--no-trackers", "--no-dht", "--no-lpd"];
  const seeded = ["--web-seed", url, ...alone];
  const none = await run("--no-web-seeds", ...alone);
  assertEquals([none.code, /No way to find peers/.test(none.stderr)], [
    5,
    true,
  ]);
  const done = await run(...seeded, "--listen=127.0.0.1", "--port=0");
  assertEquals(done.code, 0, done.stderr);
  assertEquals(await Deno.readFile(`${temp.join("out")}/data.bin`), data);
  const wrong = await run("--web-seed", "ftp://a.example/");
  assertEquals([wrong.code, /http or https URL/.test(wrong.stderr)], [2, true]);
  const several = await run(torrent, ...seeded);
  assertEquals([several.code, /one SOURCE/.test(several.stderr)], [2, true]);
});
