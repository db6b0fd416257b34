import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { unicodeWidth } from "@std/cli/unicode-width";
import { startBip } from "../support/bip.ts";
import { TempDir } from "../support/paths.ts";
import { onTerminal } from "../support/terminal.ts";

const LOCAL = ["--listen", "127.0.0.1", "--port", "0", "--no-pex"];

const NAMES = {
  long: `Some.Very.Long.Release.${"Of.A.Series.".repeat(8)}mkv`,
  wide: `${"天地玄黃".repeat(12)}🎬é.bin`,
};

Deno.test(
  "bip download on terminals: figures stay, lines fit, Ctrl-C leaves a clean line",
  {
    ignore: Deno.build.os === "windows",
  },
  async () => {
    await using temp = new TempDir();
    for (const [kind, columns] of [["long", 80], ["wide", 40]] as const) {
      const path = temp.join(NAMES[kind]);
      await Deno.writeFile(
        path,
        crypto.getRandomValues(new Uint8Array(60_000)),
      );
      const torrent = temp.join(`${kind}.torrent`);
      await using seeder = startBip([
        "seed",
        path,
        "--save-torrent",
        torrent,
        "--json",
        ...LOCAL,
      ]);
      const { port } = await seeder.line("listening");
      const { code, text } = await onTerminal([
        "download",
        torrent,
        "-o",
        temp.join("out"),
        "--peer",
        `127.0.0.1:${port}`,
        "--down-limit",
        "16K",
        ...LOCAL,
      ], { columns, ctrlC: "%" });
      assertEquals(code, 130, text);
      // What the terminal shows of each line when it is drawn.
      // deno-lint-ignore no-control-regex
      const frames = text.split(/\r\x1b\[K|\r\n/);
      const shares = frames.filter((frame) => frame.includes("%"));
      assert(shares.length > 0, text);
      for (const frame of frames) {
        if (!frame.includes("Stopped")) {
          assert(unicodeWidth(frame.replace("^C", "")) < columns, frame);
        }
      }
      for (const share of shares) assertStringIncludes(share, "B/s");
      // deno-lint-ignore no-control-regex
      assert(/(^|\r\x1b\[K)Stopped: [^\r]+\r\n(\r\x1b\[K)?$/.test(text), text);
    }
  },
);

Deno.test(
  "bip on terminals that know no escapes, of unknown width, and without colour",
  {
    ignore: Deno.build.os === "windows",
  },
  async () => {
    await using temp = new TempDir();
    const download = [
      "download",
      `magnet:?xt=urn:btih:${"a".repeat(40)}`,
      "-o",
      temp.path,
      "--timeout",
      "0.6",
      ...LOCAL,
    ];
    const shows = async (options: Parameters<typeof onTerminal>[1]) =>
      (await onTerminal(download, options)).text;
    // A display that is drawn, then gone; the error is red.
    const capable = await shows({ columns: 80 });
    assertStringIncludes(capable, "\r\x1b[K");
    assertStringIncludes(capable, "\x1b[31merror:");
    for (
      const options of [
        { columns: 80, term: "dumb" },
        { columns: 80, term: "" },
        { columns: 0, env: { NO_COLOR: "1" } },
      ]
    ) {
      const text = await shows(options);
      assertEquals(text.includes("\x1b"), false, JSON.stringify(text));
      assertStringIncludes(text, "bip: error: Not complete after 1s");
    }
    const plain = await shows({ columns: 80, env: { NO_COLOR: "1" } });
    assertEquals(plain.includes("\x1b[31m"), false);
    // COLUMNS makes lines shorter than the terminal is, never longer.
    const narrow = await shows({ columns: 80, env: { COLUMNS: "30" } });
    for (const frame of narrow.split("\r\x1b[K")) {
      if (!frame.startsWith("bip:")) assert(unicodeWidth(frame) < 30, frame);
    }
    // Without the permission to read variables the terminal itself is asked.
    const permissions = [
      "--allow-net",
      `--allow-read=${temp.path}`,
      `--allow-write=${temp.path}`,
    ];
    const unread = { COLUMNS: "10" };
    const asked = await shows({ columns: 34, permissions, env: unread });
    // deno-lint-ignore no-control-regex
    const widths = asked.split(/\r\x1b\[K|\r\n/)
      .filter((frame) => !frame.startsWith("bip:"))
      .map((frame) => unicodeWidth(frame));
    const widest = Math.max(...widths);
    assert(widest > 10 && widest < 34, asked);
  },
);

Deno.test("bip colours no results that go to a file", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using temp = new TempDir();
  const [path, torrent, stdout] = ["a", "t", "out"].map((n) => temp.join(n));
  await Deno.writeTextFile(path!, "a");
  const create = ["create", path!, "-o", torrent!];
  assertEquals((await onTerminal(create, { columns: 80 })).code, 0);
  const verify = ["verify", torrent!, temp.path];
  const whole = await onTerminal(verify, { columns: 80 });
  assertStringIncludes(whole.text, "\x1b[32mcomplete\x1b[0m: 1 of 1");
  await onTerminal(verify, { columns: 80, stdout: stdout! });
  const text = await Deno.readTextFile(stdout!);
  assertEquals(text, "complete: 1 of 1 pieces are good (1 B)\n");
});
