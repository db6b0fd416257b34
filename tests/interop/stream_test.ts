/**
 * `bip stream` with real players: a film made by ffmpeg comes from libtorrent
 * seeders that give twice its bitrate, and plays in Chromium while curl reads it,
 * too.
 */
import { assert, assertEquals } from "@std/assert";
import { runBip, startBip } from "../support/bip.ts";
import { TempDir } from "../support/paths.ts";
import { interopTest, startLibtorrent } from "./programs.ts";
import { Browser, BROWSER_PROGRAMS } from "./webdriver.ts";

/** Seconds of the film. */
const LENGTH_S = 60;
/** Share of the bitrate that each seeder gives: twice in all. */
const SHARES = [0.4, 0.6, 1];
/** From a seek until the picture moves, and standstills after it, at most. */
const SEEK_MS = 6_000;
const STALL_MS = 2_000;

async function run(
  command: string,
  args: readonly string[],
): Promise<Uint8Array> {
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  assertEquals(code, 0, `${command}: ${new TextDecoder().decode(stderr)}`);
  return stdout;
}

/** A film of noise, so that it has its bitrate all along. */
async function makeFilm(path: string): Promise<void> {
  await run("ffmpeg", [
    "-loglevel",
    "error",
    "-f",
    "lavfi",
    "-i",
    `testsrc2=size=320x240:rate=5:duration=${LENGTH_S},noise=alls=60:allf=t`,
    "-f",
    "lavfi",
    "-i",
    `sine=frequency=300:duration=${LENGTH_S}`,
    ..."-c:v libvpx -deadline realtime -cpu-used 8 -g 5".split(" "),
    ..."-b:v 1600k -minrate 1600k -maxrate 1600k -c:a libvorbis".split(" "),
    path,
  ]);
}

/** What a part of a file is by curl. */
function curl(url: string, range: string): Promise<Uint8Array> {
  return run("curl", ["-sS", "--fail", "--max-time", "60", "-r", range, url]);
}

/** Counts how long the picture stands still while it should move. */
const WATCH = `
const video = document.querySelector("video");
const watch = globalThis.watch = { stalledMs: 0, since: undefined, errors: [] };
const start = () => watch.since ??= performance.now();
const end = () => {
  if (watch.since !== undefined) watch.stalledMs += performance.now() - watch.since;
  watch.since = undefined;
};
video.addEventListener("waiting", start);
video.addEventListener("playing", end);
video.addEventListener("error", () => watch.errors.push(video.error.message));
return video.play();
`;

/** Jumps to a place; how long it takes until the picture has moved. */
const SEEK = `
const [place] = arguments;
const video = document.querySelector("video");
const asked = performance.now();
return new Promise((resolve, reject) => {
  video.addEventListener("error", () => reject(video.error.message));
  const look = () => {
    if (!video.seeking && video.currentTime > place + 0.1) {
      video.removeEventListener("timeupdate", look);
      watch.stalledMs = 0;
      watch.since = undefined;
      resolve(performance.now() - asked);
    }
  };
  video.addEventListener("timeupdate", look);
  video.currentTime = place;
});
`;

/** How long it stood still since it began here. */
const STALLED = `
return watch.stalledMs +
  (watch.since === undefined ? 0 : performance.now() - watch.since);
`;

interopTest(
  "Chromium plays a film from libtorrent seeders while curl reads it, too",
  [...BROWSER_PROGRAMS, "libtorrent", "ffmpeg", "curl"],
  async () => {
    await using temp = new TempDir();
    const dir = temp.join("seed");
    await Deno.mkdir(dir);
    const path = `${dir}/film.webm`;
    await makeFilm(path);
    const film = await Deno.readFile(path);
    const torrent = temp.join("film.torrent");
    const created = await runBip([
      "create",
      path,
      "-o",
      torrent,
      "--piece-length",
      "128KiB",
    ]);
    assertEquals(created.code, 0, created.stderr);
    await using stack = new AsyncDisposableStack();
    const peers: string[] = [];
    for (const share of SHARES) {
      const seeder = stack.use(startLibtorrent(
        "seed",
        torrent,
        dir,
        "--up-limit",
        `${Math.round(share * film.length / LENGTH_S)}`,
      ));
      const { port } = await seeder.line("listening");
      peers.push("--peer", `127.0.0.1:${port}`);
    }
    const out = temp.join("out");
    const magnet = (await runBip(["magnet", torrent])).lines[0]!.text;
    await using child = startBip([
      "stream",
      `${magnet}`,
      "--keep",
      "-o",
      out,
      ...peers,
      "--peer-listen",
      "127.0.0.1",
      "--peer-port",
      "0",
      "--json",
    ]);
    const { url } = await child.line("stream") as unknown as { url: string };
    const head = await run("curl", ["-sS", "--fail", "-I", url]);
    const headers = new TextDecoder().decode(head).toLowerCase();
    assert(headers.includes("content-type: video/webm"), headers);
    assert(headers.includes(`content-length: ${film.length}`), headers);

    await using browser = await Browser.start();
    await browser.open(url);
    await browser.run(WATCH);
    await browser.until("document.querySelector('video').currentTime > 2");
    for (const place of [48, 10, 30]) {
      const ms = await browser.run<number>(SEEK, place);
      assert(ms <= SEEK_MS, `the picture moved ${ms} ms after the seek`);
      // Another one reads elsewhere meanwhile.
      const at = Math.floor(film.length * (0.95 - place / 100));
      const part = await curl(url, `${at}-${at + 99_999}`);
      assertEquals(part, film.slice(at, at + 100_000));
      await browser.until(
        `document.querySelector('video').currentTime > ${place + 3}`,
      );
      const stalled = await browser.run<number>(STALLED);
      assert(stalled <= STALL_MS, `it stood still for ${stalled} ms`);
    }
    assertEquals(await browser.run("return watch.errors;"), []);
    assertEquals(await curl(url, "-5"), film.slice(-5));
    assertEquals(await curl(url, "0-"), film);
    const done = await child.line("complete") as unknown as {
      downloaded: number;
      bytes: number;
    };
    assert(
      done.downloaded < 1.06 * done.bytes,
      `${done.downloaded - done.bytes} bytes came twice`,
    );
    child.kill("SIGINT");
    assertEquals((await child.result).code, 130);
    assertEquals(await Deno.readFile(`${out}/film.webm`), film);
  },
);
