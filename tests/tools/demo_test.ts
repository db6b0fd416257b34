import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import {
  Display,
  type DisplayTarget,
  formatPeerRow,
  formatPlainLine,
  type PeerRow,
} from "../../_tools/demo_display.ts";
import {
  comparePayload,
  planPayload,
  writePayload,
} from "../../_tools/demo_payload.ts";
import { TempDir } from "../support/paths.ts";
import { denoArguments } from "../support/bip_command.ts";
import { outputOf } from "../support/process.ts";

const { signal } = new AbortController();

/** Starts the demo with its temporary files below a folder. */
function startDemo(folder: string, args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: denoArguments("_tools/demo.ts", ["-A", "--unstable-net"], args),
    env: { NO_COLOR: "1", TMPDIR: folder, TEMP: folder, TMP: folder },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

const runDemo = (folder: string, args: readonly string[]) =>
  outputOf(startDemo(folder, args));

const entries = (folder: string) =>
  [...Deno.readDirSync(folder)].map(({ name }) => name);

Deno.test("demo - moves, verifies, sums up and leaves nothing behind", async () => {
  await using temp = new TempDir();
  const args = ["--size", "6MiB", "--leechers", "4"];
  const { code, stdout, stderr } = await runDemo(temp.path, args);
  assertEquals(code, 0, stdout + stderr);
  assertEquals(stderr, "");
  for (const name of ["leecher 1", "leecher 2", "leecher 3", "leecher 4"]) {
    assertStringIncludes(stdout, `${name} is complete after`);
  }
  for (
    const start of [
      "leecher 1 begins with: torrent file, HTTP tracker",
      "leecher 2 begins with: magnet link, DHT",
      "leecher 3 begins with: magnet link, UDP tracker",
      "leecher 4 begins with: torrent file, DHT",
    ]
  ) assertStringIncludes(stdout, `${start}\n`);
  assertMatch(stdout, /leecher 3 100% \(192\/192 pieces\)/);
  assertMatch(stdout, /Moved 24\.0 MiB in [\d.]+ s: [\d.]+ \w+\/s/);
  assertMatch(
    stdout,
    /The seeder sent .* \(\d+%\), the leechers each other .* \(\d+%\)/,
  );
  assertStringIncludes(stdout, "Verified: every byte of every leecher");
  // deno-lint-ignore no-control-regex -- plain means without escapes
  assert(!/[\x1b\r]/.test(stdout), "A pipe gets plain lines");
  assertEquals(entries(temp.path), []);
});

Deno.test("demo - an odd size and one leecher", async () => {
  await using temp = new TempDir();
  const args = ["--size", "1000003", "--leechers", "1"];
  const { code, stdout, stderr } = await runDemo(temp.path, args);
  assertEquals(code, 0, stdout + stderr);
  assertStringIncludes(stdout, "The seeder sent 977 KiB (100%)");
  assertEquals(entries(temp.path), []);
});

Deno.test("demo - wrong arguments end with 2 and make nothing", async () => {
  await using temp = new TempDir();
  for (
    const args of [
      ["--size", "much"],
      ["--size", "1000"],
      ["--leechers", "0"],
      ["--leechers", "33"],
      ["--nonsense"],
      ["operand"],
    ]
  ) {
    const { code, stderr } = await runDemo(temp.path, args);
    assertEquals(code, 2, args.join(" "));
    assertStringIncludes(stderr, "deno task demo --help");
  }
  const help = await runDemo(temp.path, ["--help"]);
  assertEquals(help.code, 0);
  assertStringIncludes(help.stdout, "--leechers N");
  assertEquals(entries(temp.path), []);
});

Deno.test({
  name: "demo - an interrupt removes everything and ends with 130",
  ignore: Deno.build.os === "windows",
  async fn() {
    for (const ending of ["SIGINT", "SIGTERM"] as const) {
      await using temp = new TempDir();
      const child = startDemo(temp.path, ["--size", "256MiB"]);
      // In the middle of writing or sharing, whatever the machine is up to.
      while (entries(temp.path).length === 0) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      child.kill(ending);
      const { code, stderr } = await child.output();
      assertEquals(code, 130, new TextDecoder().decode(stderr));
      assertEquals(entries(temp.path), []);
    }
  },
});

Deno.test("planPayload - lengths add up, whatever the size", {
  permissions: "none",
}, () => {
  for (const size of [65536, 65537, 1_000_003, 2 ** 29, 2 ** 33 + 1]) {
    const files = planPayload(size);
    assertEquals(files.reduce((sum, { length }) => sum + length, 0), size);
    assert(files.every(({ length }) => length >= 0));
    assert(files.some(({ length }) => length === 0));
  }
});

Deno.test("comparePayload - finds whatever differs", async () => {
  await using temp = new TempDir();
  const files = planPayload(3_000_000);
  const [original, copy] = [temp.join("a"), temp.join("b")];
  await writePayload(original, files, signal);
  const compare = () => comparePayload(original, copy, files, signal);
  const makeCopy = async () => {
    for (const { path } of files) {
      const target = `${copy}/${path}`;
      await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), {
        recursive: true,
      });
      await Deno.copyFile(`${original}/${path}`, target);
    }
  };
  await makeCopy();
  assertEquals(await compare(), []);

  const film = `${copy}/film.mkv`;
  const { length } = files.find(({ path }) => path === "film.mkv")!;
  for (const at of [0, 1_048_575, 1_048_576, length - 1]) {
    await makeCopy();
    const bytes = await Deno.readFile(film);
    bytes[at]! ^= 1;
    await Deno.writeFile(film, bytes);
    assertEquals(await compare(), [
      { path: "film.mkv", what: `byte ${at} differs` },
    ]);
  }
  await makeCopy();
  await Deno.truncate(film, length - 1);
  assertEquals(await compare(), [
    { path: "film.mkv", what: `it ends after ${length - 1} bytes` },
  ]);
  await makeCopy();
  await Deno.writeFile(film, new Uint8Array(1), { append: true });
  assertEquals(await compare(), [
    { path: "film.mkv", what: "it is too long" },
  ]);
  await makeCopy();
  await Deno.remove(film);
  await Deno.writeTextFile(`${copy}/photos/other`, "x");
  assertEquals(await compare(), [
    { path: "film.mkv", what: "it is missing" },
    { path: "photos/other", what: "it should not be there" },
  ]);
});

const row = (more: Partial<PeerRow> = {}): PeerRow => ({
  name: "leecher 1",
  state: "downloading",
  piecesDone: 25,
  pieceCount: 100,
  downloadRate: 1_048_576,
  uploadRate: 0,
  peers: 3,
  ...more,
});

Deno.test("formatPeerRow - fits the width, with and without a bar", {
  permissions: "none",
}, () => {
  for (let columns = 20; columns < 160; columns++) {
    const line = formatPeerRow(row(), columns, false);
    assert(line.length <= columns, `${columns}: ${line}`);
    assert(line.startsWith("leecher 1"));
  }
  // A terminal of 80 columns, one of which is left free.
  const usual = formatPeerRow(row(), 79, false);
  assertMatch(usual, /^leecher 1 {3}\[#+-{9,}\] +25% .*down .* up +0 B\/s$/);
  const wide = formatPeerRow(row(), 120, false);
  assertStringIncludes(wide, `[${"#".repeat(10)}${"-".repeat(30)}]  25%`);
  assertStringIncludes(wide, "25/100 pieces");
  assertStringIncludes(wide, "1.00 MiB/s");
  assertStringIncludes(
    formatPeerRow(row(), 120, true),
    `[\x1b[36m${"#".repeat(10)}\x1b[0m-`,
  );
  const unknown = row({ pieceCount: 0, piecesDone: 0 });
  assertStringIncludes(formatPeerRow(unknown, 120, true), "0/0 pieces");
});

Deno.test(
  "formatPlainLine - leaves the seeder out",
  { permissions: "none" },
  () => {
    const rows = [row({ name: "seeder" }), row(), row({ name: "leecher 2" })];
    assertEquals(
      formatPlainLine(rows, 1.25),
      "   1.3 s  leecher 1 25% (25/100 pieces)  leecher 2 25% (25/100 pieces)  2.00 MiB/s in all",
    );
  },
);

Deno.test("Display - redraws in place, notes above the bars", {
  permissions: "none",
}, () => {
  const written: string[] = [];
  const target: DisplayTarget = {
    interactive: true,
    color: false,
    columns: 100,
    write: (text) => written.push(text),
  };
  {
    using display = new Display(target, () => [row(), row()]);
    display.note("one");
    display.note("two");
    assertEquals(written.length, 2, "Notes wait for the next drawing");
  }
  const [hide, first, last, show] = written;
  assertEquals([hide, show], ["\x1b[?25l", "\x1b[?25h"]);
  assertEquals(first!.split("\n").length, 3);
  assert(last!.startsWith("\x1b[2A\r\x1b[Jone\ntwo\nleecher 1"), last);
});

Deno.test("Display - plain lines elsewhere", { permissions: "none" }, () => {
  const written: string[] = [];
  const target: DisplayTarget = {
    interactive: false,
    color: false,
    columns: 80,
    write: (text) => written.push(text),
  };
  const display = new Display(target, () => [row(), row()]);
  display.note("one");
  display[Symbol.dispose]();
  display[Symbol.dispose]();
  assertEquals(written.length, 2);
  assertEquals(written[0], "one\n");
  assertMatch(written[1]!, /^ +\d\.\d s {2}leecher 1 25%/);
});
