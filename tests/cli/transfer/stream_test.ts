/** `bip stream` as a person runs it. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { runBip, startBip } from "../../support/bip.ts";
import { TempDir } from "../../support/paths.ts";
import type { Child } from "../../support/process.ts";

const NOBODY = ["--no-dht", "--no-lpd", "--no-trackers"];
const SEED = ["--listen", "127.0.0.1", "--port", "0", "--json"];
const PEERS = ["--peer-listen", "127.0.0.1", "--peer-port", "0", "--json"];

/** A seeder of two films and a text. */
class Scene implements AsyncDisposable {
  readonly temp: TempDir;
  readonly film: Uint8Array;
  readonly torrent: string;
  readonly magnet: string;
  readonly #seed: Child;

  private constructor(
    temp: TempDir,
    film: Uint8Array,
    torrent: string,
    magnet: string,
    seed: Child,
  ) {
    this.temp = temp;
    this.film = film;
    this.torrent = torrent;
    this.magnet = magnet;
    this.#seed = seed;
  }

  static async create(): Promise<Scene> {
    const temp = new TempDir();
    const folder = temp.join("films");
    await Deno.mkdir(folder);
    const film = new Uint8Array(500_000).map((_, i) => i * i >> 4);
    await Deno.writeFile(`${folder}/a.mp4`, film);
    await Deno.writeFile(`${folder}/b.mp4`, film.subarray(0, 100_000));
    await Deno.writeFile(`${folder}/c.txt`, film.subarray(0, 30_000));
    const torrent = temp.join("films.torrent");
    const seed = startBip(["seed", folder, "--save-torrent", torrent, ...SEED]);
    const { magnet } = await seed.line("torrent");
    const { port } = await seed.line("listening");
    const link = `${magnet}&x.pe=127.0.0.1:${port}`;
    return new Scene(temp, film, torrent, link, seed);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#seed[Symbol.asyncDispose]();
    await this.temp[Symbol.asyncDispose]();
  }
}

interface Streamed {
  readonly url: string;
  readonly playlist: string;
  readonly files: readonly { readonly path: string; readonly url: string }[];
}

async function streamed(child: Child): Promise<Streamed> {
  return await child.line("stream") as unknown as Streamed;
}

/** The exit code after Ctrl-C. */
async function leave(child: Child): Promise<number> {
  child.kill("SIGINT");
  return (await child.result).code;
}

Deno.test("bip stream plays the largest film of a link, and leaves nothing", async () => {
  await using scene = await Scene.create();
  const tmp = scene.temp.join("tmp");
  await Deno.mkdir(tmp);
  await using child = startBip(["stream", scene.magnet, ...PEERS], {
    env: { TMPDIR: tmp },
  });
  const { url, playlist, files } = await streamed(child);
  assertMatch(url, /^http:\/\/127\.0\.0\.1:\d+\/1\/a\.mp4$/);
  assertEquals(files.map(({ path }) => path), ["films/a.mp4"]);
  assertEquals(await (await fetch(url)).bytes(), scene.film);
  const part = await fetch(url, { headers: { range: "bytes=-9" } });
  assertEquals(part.status, 206);
  assertEquals(await part.bytes(), scene.film.slice(-9));
  assertMatch(
    await (await fetch(playlist)).text(),
    /^#EXTM3U\n#EXTINF.*\nhttp/,
  );
  assertEquals([...Deno.readDirSync(tmp)].length, 1);
  assertEquals(await leave(child), 130);
  assertEquals([...Deno.readDirSync(tmp)], []);
});

Deno.test("bip stream --keep keeps the files that were named", async () => {
  await using scene = await Scene.create();
  const out = scene.temp.join("out");
  const list = scene.temp.join("list.m3u");
  const peer = /x\.pe=(.*)$/.exec(scene.magnet)![1]!;
  await using child = startBip([
    "stream",
    scene.torrent,
    "--file",
    "*.{mp4,txt}",
    "--keep",
    "-o",
    out,
    "--playlist",
    list,
    "--peer",
    peer,
    ...PEERS,
  ]);
  const { files } = await streamed(child);
  assertEquals(files.length, 3);
  const text = await fetch(files[2]!.url);
  assertEquals(text.headers.get("content-type"), "text/plain; charset=utf-8");
  assertEquals(await text.bytes(), scene.film.slice(0, 30_000));
  assertEquals((await Deno.readTextFile(list)).split("\n").length, 8);
  await child.line("complete");
  assertEquals(await leave(child), 130);
  assertEquals(await Deno.readFile(`${out}/films/a.mp4`), scene.film);
  assertEquals([...Deno.readDirSync(out)].map(({ name }) => name), ["films"]);
});

Deno.test("bip stream refuses what makes no sense", async () => {
  await using scene = await Scene.create();
  const refused = async (code: number, what: RegExp, ...args: string[]) => {
    const { code: got, stderr } = await runBip(["stream", ...args, ...NOBODY]);
    assertEquals(got, code, stderr);
    assertMatch(stderr, what);
    assertEquals(stderr.trim().split("\n").filter((l) => /^ *at /.test(l)), []);
  };
  const { torrent } = scene;
  await refused(2, /--listen must be an IP address/, torrent, "--listen", "x");
  await refused(2, /-o is for --keep/, torrent, "-o", "x");
  await refused(2, /--file matches none/, torrent, "--file", "*.ogg");
  await refused(2, /--peer-listen must be/, torrent, "--peer-listen", "x");
  await refused(5, /No way to find peers/, torrent);
  await refused(
    6,
    /Cannot listen on 192\.0\.2\.1/,
    torrent,
    "--listen",
    "192.0.2.1",
    "--peer-listen",
    "127.0.0.1",
  );
  const late = await runBip(
    [
      "stream",
      scene.magnet.replace(/&x\.pe.*/, ""),
      "--timeout",
      "1",
      ...PEERS,
    ],
  );
  assertEquals(late.code, 5);
  assert(late.lines.some(({ code }) => code === "timeout"), late.stderr);
});
