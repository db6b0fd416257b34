import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { encodeDhtState, tryDecodeDhtState } from "../../../dht/mod.ts";
import { TempDir } from "../../support/paths.ts";
import { runBip, startBip } from "../../support/bip.ts";

const HASH = "ab".repeat(20);

/** A node that runs, and how others reach it. */
async function startNode(...args: string[]) {
  const child = startBip(
    ["dht", "node", "--listen", "127.0.0.1", "--json", ...args],
  );
  const line = await child.line("listening");
  return {
    child,
    line,
    at: `127.0.0.1:${line.port}`,
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

async function ask(node: string, ...words: string[]) {
  const [verb, ...args] = words;
  const { code, lines, stderr } = await runBip(
    ["dht", verb!, ...args, "--bootstrap", node, "--timeout", "20"],
    { permissions: ["--allow-net", "--allow-read"] },
  );
  const texts = lines.map((line) => String(line.text));
  return { code, text: texts.join("\n"), stderr };
}

async function askJson(node: string, ...words: string[]) {
  const { code, text, stderr } = await ask(node, ...words, "--json");
  assertEquals(code, 0, stderr);
  return JSON.parse(text);
}

Deno.test("bip dht - node, ping, find-node, announce, get-peers, sample", async () => {
  await using one = await startNode("--bootstrap", "127.0.0.1:9");
  await using two = await startNode("--bootstrap", one.at);
  await two.child.line("bootstrapped");
  assertEquals(String(one.line.id).length, 40);

  const pong = await runBip(["dht", "ping", one.at, "--json"], {
    permissions: ["--allow-net"],
  });
  assertEquals(pong.code, 0, pong.stderr);
  const ping = JSON.parse(pong.lines.map((line) => line.text).join("\n"));
  assertEquals([ping.id, ping.address], [one.line.id, one.at]);

  const nodes = (await askJson(one.at, "find-node", HASH)).nodes;
  assertEquals(
    nodes.map(({ id }: { id: string }) => id).sort(),
    [one.line.id, two.line.id].sort(),
  );

  const nothing = await ask(one.at, "get-peers", HASH);
  assertEquals([nothing.code, nothing.text], [5, ""]);
  assertStringIncludes(nothing.stderr, "No peers found");
  const announced = await askJson(one.at, "announce", HASH, "4321", "--seed");
  assertEquals(announced.stored.length, 2);
  const link = `magnet:?xt=urn:btih:${HASH.toUpperCase()}`;
  const peers = await ask(two.at, "get-peers", link);
  assertEquals([peers.code, peers.text], [0, "127.0.0.1:4321"]);
  assertEquals((await askJson(two.at, "sample")).infoHashes, [HASH]);
});

Deno.test("bip dht - put and get, immutable and signed", async () => {
  await using dir = new TempDir();
  const key = dir.join("key");
  await Deno.writeTextFile(key, `${"07".repeat(32)}\n`);
  await using node = await startNode("--bootstrap", "127.0.0.1:9");
  const { target } = await askJson(node.at, "put", "hello world");
  const got = await ask(node.at, "get", target);
  assertEquals([got.code, got.text], [0, "hello world"]);

  const signed = ["--key", key, "--salt", "news"];
  const first = await askJson(node.at, "put", "one", ...signed);
  assertEquals(first.seq, 1);
  const second = await askJson(node.at, "put", "two", ...signed, "--cas", "1");
  assertEquals([second.seq, second.target], [2, first.target]);
  const late = await ask(node.at, "put", "x", ...signed, "--seq", "1");
  assertEquals(late.code, 5);
  assertStringIncludes(late.stderr, "302");
  const item = await askJson(
    node.at,
    "get",
    first.publicKey,
    "--salt",
    "news",
  );
  assertEquals([item.text, item.seq], ["two", 2]);
});

Deno.test("bip dht - a node remembers others", async () => {
  await using dir = new TempDir();
  const state = dir.join("state");
  await using one = await startNode("--bootstrap", "127.0.0.1:9");
  {
    await using two = await startNode(
      "--bootstrap",
      one.at,
      "--state",
      state,
    );
    await two.child.line("bootstrapped");
    two.child.kill("SIGINT");
    const { code, stderr } = await two.child.result;
    assertEquals(code, 130, stderr);
  }
  assert((await Deno.stat(state)).size > 40);
  // It knows the first node only from the file.
  await using again = await startNode(
    "--bootstrap",
    "127.0.0.1:9",
    "--state",
    state,
  );
  await again.child.line("bootstrapped");
});

Deno.test("bip dht - says what is wrong", async () => {
  const wrong = async (...words: string[]) => {
    const { code, stderr } = await runBip(["dht", ...words], {
      permissions: ["--allow-net", "--allow-read"],
    });
    return [code, stderr.split("\n")[0]!] as const;
  };
  for (
    const [words, text] of [
      [["fly"], "Unknown verb"],
      [["ping"], "Missing operand"],
      [["ping", "nowhere"], "HOST:PORT"],
      [["get-peers", "abc"], "40 or 64 hex digits or a magnet link"],
      [["get-peers", HASH, "more"], "Unexpected operand"],
      [["announce", HASH, "70000"], "PORT"],
      [["node", "--listen", "name"], "IP address"],
      [["put", "x", "--salt", "y"], "--key"],
      [["put", "x", "--seq", "y", "--key", "none"], "whole number"],
      [
        ["put", "x", "--seq", "9223372036854775808", "--key", "none"],
        "2^63",
      ],
      [["put", "x".repeat(997)], "TEXT is too long"],
      [["get", HASH, "--salt", "x"], "--salt is for a public key"],
      [["get", "ab".repeat(32), "--salt", "x".repeat(65)], "64 bytes"],
      [["get-peers", HASH, "--key", "k"], "--key is not for"],
      [["find-node", HASH, "--read-only"], "--read-only is not for"],
      [["node", "--timeout", "3"], "--timeout is not for"],
    ] as const
  ) {
    const [code, line] = await wrong(...words);
    assertEquals(code, 2, line);
    assertStringIncludes(line, text);
  }
  await using taken = await startNode("--bootstrap", "127.0.0.1:9");
  const [busy, reason] = await wrong(
    ...["ping", "127.0.0.1:9", "--listen", "127.0.0.1"],
    ...["--port", String(taken.line.port)],
  );
  assertEquals(busy, 6, reason);
  assertStringIncludes(reason, `Cannot listen on ${taken.at}: `);
  await using dir = new TempDir();
  const key = dir.join("key");
  await Deno.writeTextFile(key, `${"5e".repeat(31)}5`);
  const [slip, said] = await wrong("put", "x", "--key", key);
  assertEquals(slip, 2);
  assert(!said.includes("5e5e"), said);
  const [missing] = await wrong("put", "x", "--key", "/none/such");
  assertEquals(missing, 6);
  const [silent, line] = await wrong(
    "find-node",
    HASH,
    "--bootstrap",
    "127.0.0.1:9",
    "--timeout",
    "1",
  );
  assertEquals(silent, 5);
  assertStringIncludes(line, "No DHT node answered");
});

Deno.test("bip dht - a state file that is damaged, of others, or cannot be written", async () => {
  await using dir = new TempDir();
  const run = (state: string) =>
    startBip(
      [
        ...["dht", "node", "--listen", "127.0.0.1", "--bootstrap"],
        ...["127.0.0.1:9", "--json", "--state", state],
      ],
      {
        permissions: [
          "--allow-net",
          `--allow-read=${state},${state}.new`,
          `--allow-write=${state},${state}.new`,
        ],
      },
    );
  const other = dir.join("other");
  const bytes = new Uint8Array(300).fill(7);
  await Deno.writeFile(other, bytes);
  for (
    const [path, text] of [
      [other, `${other} is not a state file of a DHT node; it was not touched`],
      [dir.join("none/such"), "Cannot write"],
      [dir.path, "it is a folder"],
    ] as const
  ) {
    await using child = run(path);
    const { code, stderr } = await child.result;
    assertEquals(code, 6, stderr);
    assertEquals(stderr.trim().split("\n").length, 1, stderr);
    assertStringIncludes(stderr, text);
  }
  assertEquals(await Deno.readFile(other), bytes);

  // One of ours that was cut, or of another version, is no reason to stop.
  const node = {
    id: new Uint8Array(20),
    address: { hostname: "1.2.3.4", port: 5 },
  };
  const whole = encodeDhtState({ nodes: [node], nodes6: [], savedAt: 1 });
  const newer = whole.slice();
  newer[newer.indexOf(0x69) + 1] = 0x32;
  for (const state of [whole.subarray(0, 60), newer, new Uint8Array(0)]) {
    const path = dir.join("state");
    await Deno.writeFile(path, state);
    await using child = run(path);
    await child.line("listening");
    child.kill("SIGTERM");
    const { code, stderr } = await child.result;
    assertEquals(code, 130, stderr);
    assertEquals(stderr.includes("damaged"), state.length > 0, stderr);
  }
});

Deno.test("bip dht - the permissions it names are enough to save", async () => {
  await using dir = new TempDir();
  const state = dir.join("state");
  await using one = await startNode("--bootstrap", "127.0.0.1:9");
  await using two = startBip(
    [
      ...["dht", "node", "--listen", "127.0.0.1", "--bootstrap", one.at],
      ...["--json", "--state", state],
    ],
    {
      permissions: [
        "--allow-net",
        `--allow-read=${state},${state}.new`,
        `--allow-write=${state},${state}.new`,
      ],
    },
  );
  const { id } = await two.line("listening");
  await two.line("bootstrapped");
  two.kill("SIGTERM");
  const { code, stderr } = await two.result;
  assertEquals(code, 130, stderr);
  const saved = tryDecodeDhtState(await Deno.readFile(state));
  assertEquals(saved?.id?.toHex(), id);
  assertEquals(saved?.nodes.length, 1);
});

Deno.test("bip dht - numbers, salts and texts up to their limits", async () => {
  await using dir = new TempDir();
  const key = dir.join("key");
  await Deno.writeTextFile(key, "07".repeat(32));
  await using node = await startNode("--bootstrap", "127.0.0.1:9");
  const most = "9223372036854775807";
  const salt = "s".repeat(64);
  const text = "x".repeat(996);
  const put = await askJson(
    ...[node.at, "put", text, "--key", key],
    ...["--salt", salt, "--seq", most],
  );
  assertEquals([put.seq, put.stored.length], [most, 1]);
  const got = await askJson(node.at, "get", put.publicKey, "--salt", salt);
  assertEquals([got.seq, got.text], [most, text]);
});
