import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { unicodeWidth } from "@std/cli/unicode-width";
import { FakeDaemon, runBip } from "../../support/fake_daemon.ts";
import { onTerminal } from "../../support/terminal.ts";

const STATS = {
  torrent_count: 40,
  active_torrent_count: 1,
  download_speed: 2048,
  upload_speed: 0,
  current_stats: {
    downloaded_bytes: 4096,
    uploaded_bytes: 0,
    seconds_active: 90,
  },
};
const TORRENTS = Array.from({ length: 40 }, (_, i) => ({
  id: i + 1,
  name: `torrent\x1b[2J ${i + 1} ${"天地".repeat(40)}`,
  status: i === 0 ? 0 : 4,
  percent_done: 0.5,
  metadata_percent_complete: 1,
  size_when_done: 2048,
  eta: -1,
  rate_download: i === 29 ? 2048 : 0,
  rate_upload: 0,
  upload_ratio: 0.5,
  peers_connected: i === 29 ? 3 : 0,
}));

const fakeDaemon = () =>
  new FakeDaemon((method) =>
    method === "torrent_get" ? { torrents: TORRENTS } : STATS
  );

Deno.test("bip top - away from a terminal each look is printed", async () => {
  await using daemon = fakeDaemon();
  const args = ["top", "--count", "2", "--interval", "0.1"];
  const { code, text } = await daemon.run(...args);
  assertEquals(code, 0, text);
  const [first, second] = text.split("\n\n");
  assertEquals(first, second);
  const lines = first!.split("\n");
  assertEquals(lines.slice(0, 2), [
    "40 torrents: 39 downloading, 1 stopped; 3 peers",
    "2.00 KiB/s down (4.00 KiB), 0 B/s up (0 B), running for 1m 30s",
  ]);
  assertStringIncludes(lines[3]!, "torrent\\x1b[2J 30 ");
  assertStringIncludes(lines[4]!, "torrent\\x1b[2J 2 ");
  assertStringIncludes(lines.at(-1)!, "stopped");
  assertEquals(lines.length, 43);
  const json = await daemon.run(...args, "--json");
  const looks = json.text.split("\n").map((line) => JSON.parse(line));
  assertEquals(looks.length, 2);
  assertEquals(looks[0].stats, STATS);
  assertEquals(looks[0].torrents[0].id, 30);
});

Deno.test("bip top - what goes wrong is one line and an exit code", async () => {
  const gone = await runBip("top", "--url", "http://127.0.0.1:9");
  assertEquals(gone.code, 5);
  assertEquals(
    gone.text,
    "bip: error: http://127.0.0.1:9 cannot be reached: Requests to port 9 are blocked",
  );
  for (const interval of ["0", "2d", "x"]) {
    assertEquals((await runBip("top", "--interval", interval)).code, 2);
  }
  await using daemon = new FakeDaemon(() => new Error("no such thing"));
  const refused = await daemon.run("top");
  assertEquals([refused.code, refused.text], [2, "bip: error: no such thing"]);
});

const ignore = Deno.build.os === "windows";
const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";

Deno.test("bip top - a terminal is filled, and given back at Ctrl-C and q", {
  ignore,
}, async () => {
  await using daemon = fakeDaemon();
  const args = ["top", "--url", daemon.url, "--interval", "0.1"];
  for (
    const [columns, env, exitCode] of [
      [80, {}, 130],
      [34, { TYPED: "q" }, 0],
    ] as const
  ) {
    const { code, text } = await onTerminal(args, {
      columns,
      ctrlC: "1 to 20 of 40",
      env,
    });
    assertEquals(code, exitCode, text);
    assert(text.startsWith(ENTER), text);
    assert(text.replace("^C", "").endsWith(LEAVE), text);
    const frames = text.replace("^C", "").slice(ENTER.length, -LEAVE.length)
      .split("\x1b[H").slice(1);
    for (const frame of frames) {
      assert(frame.endsWith("\x1b[K\x1b[J"), frame);
      const lines = frame.slice(0, -"\x1b[J".length).split(/\r+\n/);
      assertEquals(lines.length, 24);
      for (const line of lines) {
        const shown = line.replace("\x1b[K", "");
        assert(!shown.includes("\x1b"), shown);
        assert(unicodeWidth(shown) <= columns, shown);
      }
      assertStringIncludes(lines[3]!, "torrent");
      assertStringIncludes(lines[3]!, "2.00 KiB/s");
    }
  }
});

Deno.test("bip top - keys walk", { ignore }, async () => {
  await using daemon = fakeDaemon();
  const args = ["top", "--url", daemon.url, "--count", "5"];
  const { code, text } = await onTerminal(
    [...args, "--interval", "0.1"],
    {
      columns: 80,
      ctrlC: "1 to 20 of 40",
      env: { TYPED: "\x1b[B\x1b[B\x1b[A" },
    },
  );
  assertEquals(code, 0, text);
  assertStringIncludes(text, "2 to 21 of 40");
});

Deno.test("bip top - a terminal that knows no escapes gets lines", {
  ignore,
}, async () => {
  await using daemon = fakeDaemon();
  const { code, text } = await onTerminal(
    ["top", "--url", daemon.url, "--count", "1"],
    { columns: 80, term: "dumb" },
  );
  assertEquals(code, 0, text);
  assert(!text.includes("\x1b"), text);
  assertStringIncludes(text, "40 torrents: ");
});

Deno.test("bip top - a daemon that goes away is waited for on a terminal", {
  ignore,
}, async () => {
  let gone: Promise<void> | undefined;
  const daemon = new FakeDaemon((method) => {
    if (method !== "torrent_get") return STATS;
    gone ??= daemon[Symbol.asyncDispose]();
    return { torrents: TORRENTS };
  });
  const { url } = daemon;
  const { code, text } = await onTerminal(
    ["top", "--url", url, "--interval", "0.1"],
    { columns: 80, ctrlC: "Trying again" },
  );
  await gone;
  assertEquals(code, 130, text);
  assertStringIncludes(text, `Trying again: http://${url} cannot be reached: `);
  assert(text.replace("^C", "").endsWith(LEAVE), text);
});
