/** Runs every example with exactly the permissions that its header states. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { fromFileUrl } from "../../_tools/process.ts";
import { Session } from "../../client/mod.ts";
import { MainlineDht } from "../../dht/mod.ts";
import { SqliteFileSystem } from "../../examples/sqlite_storage.ts";
import { HttpTrackerClient } from "../../htracker/mod.ts";
import { createMetainfo, parseMetainfo } from "../../metainfo/mod.ts";
import { UdpTrackerClient } from "../../utracker/mod.ts";
import { testFileSystem } from "../../testing/file_system_compliance.ts";
import { NETNS_HOSTS, NetnsPair, netnsProblem } from "../support/netns.ts";
import { TempDir } from "../support/paths.ts";
import {
  comparePayload,
  ODD_FILES,
  type PayloadFiles,
  writePayload,
} from "../support/payload.ts";
import { Child, outputOf } from "../support/process.ts";
import { TextLineStream } from "../support/text_lines.ts";
import { denoArguments } from "../support/bip_command.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));
const NAME = "påyload";
const FILES: PayloadFiles = Object.fromEntries(
  Object.entries(ODD_FILES).map(([path, size]) => [`${NAME}/${path}`, size]),
);

const examples = [...Deno.readDirSync(`${ROOT}/examples`)]
  .filter(({ name }) => name.endsWith(".ts"))
  .map(({ name }) => name.replace(/\.ts$/, ""));

/** The flags of the command that an example's header shows. */
async function statedFlags(name: string): Promise<string[]> {
  const source = await Deno.readTextFile(`${ROOT}/examples/${name}.ts`);
  const command = new RegExp(
    `^ \\* deno run ((?:--\\S+ )*)examples/${name}\\.ts\\b`,
    "m",
  ).exec(source);
  assert(command !== null, `${name} shows no command to run it`);
  const flags = command[1]!.trim().split(" ");
  for (const flag of flags) {
    assertStringIncludes(source, `\`${flag}\``, `${name} explains its flags`);
  }
  return flags;
}

async function runExample(
  name: string,
  flags: readonly string[],
  args: readonly string[],
) {
  return await outputOf(
    new Deno.Command(Deno.execPath(), {
      args: denoArguments(`examples/${name}.ts`, flags, args),
      env: { NO_COLOR: "1" },
      stdin: "null",
    }),
  );
}

/** Starts an example with exactly the permissions that it states. */
async function startExample(
  name: string,
  args: readonly string[],
): Promise<Child> {
  return new Child(Deno.execPath(), {
    args: denoArguments(`examples/${name}.ts`, await statedFlags(name), args),
    env: { NO_COLOR: "1" },
  });
}

/** Leaves each of the stated flags out: it must fail, and say why in a line. */
async function runWithoutEach(
  name: string,
  args: readonly string[],
): Promise<void> {
  const flags = await statedFlags(name);
  for (const missing of flags) {
    const { code, stderr } = await runExample(
      name,
      flags.filter((flag) => flag !== missing),
      args,
    );
    assertEquals(code, 1, `${name} needs no ${missing}`);
    const last = stderr.trimEnd().split("\n").at(-1)!;
    assertMatch(last, new RegExp(`^${name}: .*Requires .*${missing} flag$`));
    assert(!/^\s+at /m.test(stderr), `${name} shows a stack: ${stderr}`);
  }
}

/** Runs it with each flag left out, and then as stated. */
async function runAsStated(
  name: string,
  args: readonly string[],
): Promise<string> {
  await runWithoutEach(name, args);
  const flags = await statedFlags(name);
  const { code, stdout, stderr } = await runExample(name, flags, args);
  assertEquals(code, 0, stdout + stderr);
  return stdout;
}

/** A seeder on loopback, with the torrent file of what it has. */
async function startSeeder(temp: TempDir) {
  await writePayload(temp.join("seed"), FILES);
  const bytes = await createMetainfo({
    inputs: [{ path: temp.join("seed", NAME) }],
    pieceLength: 32768,
  });
  await Deno.writeFile(temp.join("a.torrent"), bytes);
  const session = await Session.open({
    listen: { hostname: "127.0.0.1", port: 0 },
  });
  session.add(bytes, { dir: temp.join("seed"), readOnly: true });
  return { session, peer: `127.0.0.1:${session.local!.port}` };
}

Deno.test("examples - each states its permissions and its usage", async () => {
  for (const name of examples) {
    const flags = await statedFlags(name);
    assert(flags.every((flag) => flag.startsWith("--")), name);
    const { code, stderr } = await runExample(name, flags, []);
    assertEquals(code, 2, name);
    assertStringIncludes(stderr, `Usage: ${name}.ts`);
  }
});

Deno.test("examples/create_torrent", async () => {
  await using temp = new TempDir();
  await writePayload(temp.path, FILES);
  const output = temp.join("made.torrent");
  const stdout = await runAsStated("create_torrent", [
    temp.join(NAME),
    output,
    "http://127.0.0.1:1/announce",
  ]);
  const metainfo = parseMetainfo(await Deno.readFile(output));
  assertEquals(metainfo.version, "hybrid");
  const [hash, magnet] = stdout.trim().split("\n");
  assertStringIncludes(magnet!, `urn:btih:${hash}`);
  assertStringIncludes(magnet!, "urn:btmh:1220");
});

Deno.test("examples/download", async () => {
  await using temp = new TempDir();
  const { session, peer } = await startSeeder(temp);
  await using _session = session;
  const stdout = await runAsStated("download", [
    temp.join("a.torrent"),
    temp.join("out"),
    peer,
  ]);
  assertStringIncludes(stdout, `Complete: ${NAME}`);
  await comparePayload(temp.join("out"), FILES);
});

Deno.test("examples/sqlite_storage", async () => {
  await using temp = new TempDir();
  const { session, peer } = await startSeeder(temp);
  await using _session = session;
  const database = temp.join("files.db");
  const stdout = await runAsStated("sqlite_storage", [
    temp.join("a.torrent"),
    database,
    peer,
  ]);
  const files = new SqliteFileSystem(database);
  try {
    for (const [path, size] of Object.entries(FILES)) {
      assertStringIncludes(stdout, `${size} ${path}\n`);
      const handle = files.open(path.split("/"));
      const bytes = new Uint8Array(size);
      assertEquals(await handle.read(bytes, 0), size);
      const original = await Deno.readFile(temp.join("seed", path));
      assert(bytes.every((byte, i) => byte === original[i]), path);
    }
  } finally {
    files.close();
  }
});

const LOOPBACK = "127.0.0.1";

/** A DHT of one node, on loopback. */
async function openRouter() {
  const dht = await MainlineDht.open({ hostname: LOOPBACK, bootstrap: [] });
  const bootstrap = `--bootstrap=${LOOPBACK}:${dht.locals[0]!.port}`;
  return { dht, args: [`--listen=${LOOPBACK}`, bootstrap] };
}

/** Somebody in the chat room, who can be made to speak. */
class Chatter implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: string[] = [];
  readonly #done: Promise<void>;
  #wake = Promise.withResolvers<void>();
  #ended = false;

  constructor(flags: readonly string[], args: readonly string[]) {
    this.#process = new Deno.Command(Deno.execPath(), {
      args: denoArguments("examples/chat_room.ts", flags, args),
      env: { NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#stdin = this.#process.stdin.getWriter();
    this.#done = this.#read();
  }

  async say(text: string): Promise<void> {
    await this.#stdin.write(new TextEncoder().encode(`${text}\n`));
  }

  /** Waits until a line was shown. */
  async hears(line: string): Promise<void> {
    while (!this.#lines.includes(line)) {
      assert(!this.#ended, `"${line}" is not in ${this.#lines.join("\n")}`);
      await this.#wake.promise;
    }
  }

  /** Closes its input, which makes it leave. */
  async leave(): Promise<Deno.CommandStatus> {
    await this.#stdin.close();
    await this.#done;
    return await this.#process.status;
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) {
      this.#process.kill("SIGKILL");
      await this.#stdin.close().catch(() => {});
    }
    await this.#done;
    await this.#process.status;
  }

  async #read(): Promise<void> {
    const lines = this.#process.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream());
    const wake = () => {
      this.#wake.resolve();
      this.#wake = Promise.withResolvers();
    };
    for await (const line of lines) {
      this.#lines.push(line);
      wake();
    }
    this.#ended = true;
    wake();
  }
}

Deno.test({
  name: "examples/chat_room",
  timeout: 60_000,
  async fn() {
    const { dht, args } = await openRouter();
    await using _dht = dht;
    await runWithoutEach("chat_room", ["lobby", "alice", ...args]);
    const flags = await statedFlags("chat_room");
    const open = (room: string, name: string) =>
      new Chatter(flags, [room, name, ...args]);
    await using alice = open("lobby", "alice");
    await using bob = open("lobby", "bo\x1b[2Jb");
    await using carol = open("kitchen", "carol");
    await alice.hears("* bo\ufffd[2Jb is here");
    await bob.hears("* alice is here");
    await alice.say("hello, wörld");
    await bob.hears("alice: hello, wörld");
    await bob.say(`\x1b]0;title\x07${"x".repeat(2000)}`);
    // A frame has 1024 bytes.
    await alice.hears(
      `bo\ufffd[2Jb: \ufffd]0;title\ufffd${"x".repeat(1014)}`,
    );
    await alice.hears(`bo\ufffd[2Jb: ${"x".repeat(986)}`);
    // Who comes later finds those who are there.
    await using dave = open("lobby", "dave");
    await Promise.all([alice.hears("* dave is here"), bob.say("one more?")]);
    await dave.hears("alice: hello, wörld");
    await dave.say("yes");
    await alice.hears("dave: yes");
    assertEquals((await dave.leave()).code, 0);
    await alice.hears("* dave has left");
    assertEquals((await carol.leave()).code, 0);
    assertEquals(carol.lines.length, 1);
    assertMatch(
      carol.lines[0]!,
      /^\* Room kitchen, DHT node 127\.0\.0\.1:\d+$/,
    );
  },
});

Deno.test({
  name: "examples/dht_crawler",
  timeout: 60_000,
  async fn() {
    const { dht, args } = await openRouter();
    await using _dht = dht;
    await runWithoutEach("dht_crawler", ["1", ...args]);
    const bootstrap = dht.locals;
    await using peer = await MainlineDht.open({
      hostname: LOOPBACK,
      bootstrap,
    });
    await peer.bootstrapped;
    const stored = new Uint8Array(20).fill(0xab);
    await peer.announce(stored, { port: 7001 });
    await using crawler = await startExample("dht_crawler", ["60", ...args]);
    const text = (wanted: string) =>
      crawler.line("text", (line) => line.text === wanted);
    await text(`${"ab".repeat(20)} sampled from ${LOOPBACK}`);
    // As soon as others know it they ask it as any node.
    const asked = new Uint8Array(20).fill(0xcd);
    let isAsked = false;
    const seen = text(`${"cd".repeat(20)} asked for`)
      .finally(() => isAsked = true);
    while (!isAsked) {
      const { stored } = await peer.announce(asked, { port: 7002 });
      if (stored.length === 2) break;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await seen;
    crawler.kill("SIGINT");
    const { code, lines, stderr } = await crawler.result;
    assertEquals(code, 0, stderr);
    assertEquals(lines.length, 2);
    assertMatch(
      stderr,
      /Info-hashes: 2, nodes: \d, nodes sampled: \d, queries: .*\d get_peers/,
    );
  },
});

Deno.test({
  name: "examples/embedded_tracker",
  timeout: 60_000,
  async fn() {
    const served = new Uint8Array(20).fill(0xab);
    const other = new Uint8Array(20).fill(0xcd);
    const args = [LOOPBACK, "0", served.toHex()];
    await runWithoutEach("embedded_tracker", args);
    await using tracker = await startExample("embedded_tracker", args);
    const urlOf = async (start: string, end: string) => {
      const { text } = await tracker.line("text", (line) => {
        const text = line.text as string;
        return text.startsWith(start) && text.endsWith(end);
      });
      return text as string;
    };
    const http = await urlOf("http:", "/announce");
    const udp = await urlOf("udp:", "/announce");
    const page = await urlOf("http:", "/");
    const request = (id: number, infoHash: Uint8Array) => ({
      infoHash,
      peerId: new Uint8Array(20).fill(id),
      port: 7000 + id,
      uploaded: 0,
      downloaded: 0,
      left: 1,
      key: id,
      event: "started" as const,
    });
    await using udpClient = new UdpTrackerClient();
    await using httpClient = new HttpTrackerClient();
    await udpClient.announce(udp, request(1, served));
    const { peers } = await httpClient.announce(http, request(2, served));
    assertEquals(peers.map(({ port }) => port), [7001]);
    const again = await udpClient.announce(udp, request(1, served));
    assertEquals(again.peers.map(({ port }) => port), [7002]);
    for (
      const [client, url] of [[udpClient, udp], [httpClient, http]] as const
    ) {
      await assertRejects(() => client.announce(url, request(3, other)));
    }
    const shown = await (await fetch(page)).json();
    assertEquals(shown, [
      { hash: served.toHex(), seeders: 0, leechers: 2, downloads: 0 },
    ]);
    tracker.kill("SIGINT");
    const { code, lines, stderr } = await tracker.result;
    assertEquals(code, 0, stderr);
    assertEquals(lines.at(-1)!.text, "Announces: 3, refused: 2");
  },
});

const noNetns = await netnsProblem();
Deno.test({
  name: noNetns === undefined
    ? "examples/service_discovery"
    : `examples/service_discovery (skipped: ${noNetns})`,
  ignore: noNetns !== undefined,
  timeout: 60_000,
  async fn() {
    await using pair = await NetnsPair.open();
    const flags = await statedFlags("service_discovery");
    const start = (
      host: 0 | 1,
      args: readonly string[],
      permissions: readonly string[] = flags,
    ) => {
      const { command, args: all } = pair.command(
        host,
        Deno.execPath(),
        denoArguments("examples/service_discovery.ts", permissions, args),
      );
      return new Child(command, { args: all, env: { NO_COLOR: "1" } });
    };
    for (const action of ["serve", "find"]) {
      await using child = start(0, [action, "printer"], []);
      const { code, stderr } = await child.result;
      assertEquals(code, 1);
      assertMatch(
        stderr,
        /^service_discovery: .*Requires net access .*--allow-net flag\n$/,
      );
    }
    await using finder = start(0, ["find", "printer"]);
    await finder.line("text", (line) => line.text === "Listening");
    await using scanner = start(1, ["serve", "scanner"]);
    await using printer = start(1, ["serve", "printer"]);
    const { text } = await printer.line("text");
    const port = /^Serving on port (\d+)$/.exec(text as string)![1];
    const url = `http://${NETNS_HOSTS[1].v4}:${port}/`;
    await finder.line(
      "text",
      (line) => line.text === `${url} Hello from process ${printer.pid}`,
    );
    for (const child of [finder, scanner, printer]) {
      child.kill("SIGINT");
      assertEquals((await child.result).code, 0, child.stderr);
    }
    assertEquals(finder.lines.length, 2);
  },
});

testFileSystem({
  name: "SqliteFileSystem",
  permissions: { read: true, write: true, env: true },
  make() {
    const folder = Deno.makeTempDirSync({ prefix: "bip_test_" });
    return {
      fileSystem: new SqliteFileSystem(`${folder}/files.db`),
      cleanUp: () => Deno.removeSync(folder, { recursive: true }),
    };
  },
});
