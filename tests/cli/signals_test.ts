import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { bipArguments, type BipOptions } from "../support/bip_command.ts";
import { unlessStuck } from "../../cli/signals.ts";
import { SimClock } from "../../testing/sim_clock.ts";
import { runBip } from "../support/bip.ts";
import { TempDir } from "../support/paths.ts";
import { Child } from "../support/process.ts";

const HASH = "ab".repeat(20);
const LOCAL = ["--listen", "127.0.0.1", "--port", "0"];
const ALL: BipOptions = {
  permissions: ["-A"],
  flags: ["--unstable-net", "--unstable-kv"],
};
const ignore = Deno.build.os === "windows";

function start(...words: string[]): Child {
  return new Child(Deno.execPath(), { args: bipArguments(words, ALL) });
}

/** As below `nohup`: the signal is ignored before the program starts. */
function startIgnoringHangUps(...words: string[]): Child {
  return new Child("sh", {
    args: [
      "-c",
      'trap "" HUP; exec "$@"',
      "sh",
      Deno.execPath(),
      ...bipArguments(words, ALL),
    ],
  });
}

Deno.test({
  name: "a hang-up ends download and seed as SIGTERM does",
  ignore,
  async fn() {
    await using dir = new TempDir();
    const file = dir.join("f");
    const torrent = dir.join("t.torrent");
    await Deno.writeFile(file, new Uint8Array(50_000).fill(7));
    assertEquals((await runBip(["create", file, "-o", torrent])).code, 0);
    {
      const out = dir.join("out");
      await using child = start(
        ...["download", torrent, "-o", out, ...LOCAL, "--json"],
      );
      await child.line("state", ({ state }) => state === "downloading");
      child.kill("SIGHUP");
      assertEquals((await child.result).code, 130);
      const kept = [...Deno.readDirSync(out)].map(({ name }) => name);
      assertEquals(
        kept.filter((name) => name.endsWith(".bip-resume")).length,
        1,
      );
    }
    await using child = start("seed", torrent, dir.path, ...LOCAL, "--json");
    await child.line("state", ({ state }) => state === "seeding");
    child.kill("SIGHUP");
    assertEquals((await child.result).code, 130);
  },
});

Deno.test({
  name: "a hang-up ends tracker and dht node, and they give their last figures",
  ignore,
  async fn() {
    for (const words of [["tracker"], ["dht", "node"]]) {
      await using child = start(
        ...words,
        ...LOCAL,
        ...(words[0] === "dht" ? ["--bootstrap", "127.0.0.1:9"] : []),
        "--json",
      );
      await child.line("listening");
      child.kill("SIGHUP");
      const { code, lines } = await child.result;
      assertEquals([code, lines.at(-1)?.type], [130, "stats"], words.join(" "));
    }
  },
});

Deno.test({
  name: "a hang-up is ignored by what was started ignoring it, SIGTERM is not",
  ignore,
  async fn() {
    await using child = startIgnoringHangUps("tracker", ...LOCAL, "--json");
    const { port } = await child.line("listening");
    child.kill("SIGHUP");
    const asked = await runBip(
      ["announce", HASH, "--tracker", `udp://127.0.0.1:${port}`],
    );
    assertEquals(asked.code, 0, asked.stderr);
    assertStringIncludes(asked.stderr, "1 leecher,");
    assertEquals(child.lines.length, 1);
    child.kill("SIGTERM");
    assertEquals((await child.result).code, 130);
  },
});

Deno.test("what does not stop 20 s after a signal is given up", {
  permissions: "none",
}, async () => {
  for (const isEarly of [true, false]) {
    const clock = new SimClock();
    const asked = new AbortController();
    const reason = new DOMException("Interrupted", "AbortError");
    if (isEarly) asked.abort(reason);
    let given: unknown;
    const ended = assertRejects(() =>
      unlessStuck(
        new Promise<number>(() => {}),
        asked.signal,
        (ms, callback) => clock.schedule(clock.now() + ms, callback),
      )
    ).then((error) => given = error);
    await clock.advance(isEarly ? 0 : 100_000);
    asked.abort(reason);
    await clock.advance(19_999);
    assertEquals([given, clock.pending], [undefined, 1]);
    await clock.advance(1);
    await ended;
    assertEquals([given, clock.pending], [reason, 0]);
  }
});

Deno.test("what stops after a signal is waited for, and no timer stays", {
  permissions: "none",
}, async () => {
  const clock = new SimClock();
  const asked = new AbortController();
  const work = Promise.withResolvers<number>();
  const ended = unlessStuck(
    work.promise,
    asked.signal,
    (ms, callback) => clock.schedule(clock.now() + ms, callback),
  );
  asked.abort();
  await clock.advance(19_999);
  work.resolve(130);
  assertEquals([await ended, clock.pending], [130, 0]);
});
