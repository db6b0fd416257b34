/** `bip daemon` as a process: log, remote control, signals. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { RemoteClient } from "../../../daemon/remote_client.ts";
import { createMetainfo } from "../../../metainfo/mod.ts";
import { runBip, startBip } from "../../support/bip.ts";
import { TempDir } from "../../support/paths.ts";
import type { Child, ChildLine } from "../../support/process.ts";

const PERMISSIONS = [
  "--allow-net",
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-sys",
];

class Running implements AsyncDisposable {
  private constructor(
    readonly child: Child,
    readonly first: ChildLine,
    readonly remote: RemoteClient,
  ) {}

  static async start(dir: TempDir, ...args: string[]): Promise<Running> {
    const words = [
      "daemon",
      "--state",
      dir.join("var/state"),
      "--dir",
      dir.path,
      "--listen",
      "127.0.0.1",
      "--port",
      "0",
      "--rpc-port",
      "0",
      "--json",
    ];
    const child = startBip([...words, ...args], { permissions: PERMISSIONS });
    const first = await child.line("listening");
    return new Running(
      child,
      first,
      new RemoteClient({ url: first.rpc as string }),
    );
  }

  async stop(signal: Deno.Signal): Promise<readonly ChildLine[]> {
    this.child.kill(signal);
    const { code, lines, stderr } = await this.child.result;
    assertEquals([code, stderr], [0, ""]);
    assertEquals(lines.at(-1)!.type, "stopped");
    return lines;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child[Symbol.asyncDispose]();
  }
}

Deno.test("a daemon keeps what remotes add, and tells of it", async () => {
  await using dir = new TempDir();
  const bytes = new Uint8Array(1000);
  await Deno.writeFile(dir.join("x"), bytes);
  const torrent = await createMetainfo({ inputs: [{ path: ["x"], bytes }] });
  await using first = await Running.start(dir);
  assertEquals([first.first.address, first.first.torrents], ["127.0.0.1", 0]);
  await first.remote.call("torrent_add", {
    metainfo: torrent.toBase64(),
    labels: ["l"],
  });
  const added = await first.child.line("added");
  assertEquals([added.id, added.name, added.level], [1, "x", "info"]);
  const second = await runBip([
    "daemon",
    "--state",
    dir.join("var/state"),
    "--rpc-port",
    "0",
  ], { permissions: PERMISSIONS });
  assertEquals(second.code, 6);
  assertEquals(
    second.stderr,
    `bip: error: ${dir.join("var/state")} is in use by another daemon\n`,
  );
  const lines = await first.stop("SIGTERM");
  assert(
    lines.some(({ type, torrents }) => type === "stopping" && torrents === 1),
  );
  await using again = await Running.start(dir);
  assertEquals(again.first.torrents, 1);
  await again.stop("SIGINT");
});

Deno.test("a hang-up reads settings and block lists again", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using dir = new TempDir();
  const [settings, list] = [dir.join("settings.json"), dir.join("list")];
  await Deno.writeTextFile(settings, '{"maxPeers": 7, "sequential": true}');
  await Deno.writeTextFile(list, "a:192.0.2.0-192.0.2.255\n");
  await using running = await Running.start(
    dir,
    "--settings",
    settings,
    "--blocklist",
    list,
    "--set",
    "sequential=false",
  );
  assertEquals((await running.remote.call("session_get")).peer_limit_global, 7);
  await Deno.writeTextFile(settings, '{"maxPeers": 8, "sequential": true}');
  await Deno.writeTextFile(
    list,
    "a:192.0.2.0-192.0.2.255\nb:198.51.100.0-198.51.100.9\n",
  );
  running.child.kill("SIGHUP");
  // What the command line says goes before what is in the file, as at the start.
  assertEquals((await running.child.line("settings")).names, ["maxPeers"]);
  assertEquals((await running.child.line("reloaded")).blocked, 2);
  assertEquals((await running.remote.call("session_get")).peer_limit_global, 8);
  await Deno.writeTextFile(settings, '{"maxPeers": 0}');
  running.child.kill("SIGHUP");
  assertStringIncludes(
    (await running.child.line("not-reloaded")).message as string,
    "maxPeers",
  );
  assertEquals((await running.remote.call("session_get")).peer_limit_global, 8);
  await running.stop("SIGTERM");
});

Deno.test("a remote may end it", async () => {
  await using dir = new TempDir();
  await using running = await Running.start(dir);
  await running.remote.call("session_close");
  assertEquals((await running.child.result).code, 0);
});

const REFUSED: readonly [args: string, code: number, says: string][] = [
  ["--rpc-listen 0.0.0.0", 2, "without a login"],
  ["--rpc-listen localhost", 2, "--rpc-listen must be an IP address"],
  ["--auth me", 2, "A login must be USER:PASSWORD"],
  ["--tls-cert /x", 2, "go together"],
  ["--settings /none", 6, "/none"],
  ["--settings list.json", 2, "not a JSON object"],
  ["--settings comma.json", 2, "with settings (line 3 column 1)"],
  ["--auth me:x --auth-file /x", 2, "--auth or --auth-file, not both"],
  ["--state folder", 6, "Cannot open folder: it is a folder"],
  ["--dir list.json", 6, "is not a folder"],
  ["--tls-cert list.json --tls-key secret", 2, "No certificates found"],
  ["--set seedratio=2", 2, "Did you mean seedRatio?"],
  ["--set maxPeers=many", 2, 'Setting "maxPeers" must be a whole number'],
  ["--log-level x", 2, "--log-level"],
  ["--utp maybe", 2, "--utp"],
  ["--blocklist /none", 6, "/none"],
  ["--state /dev/null/state", 6, "/dev/null"],
];

Deno.test("what cannot be is one line and an exit code", async () => {
  await using dir = new TempDir();
  await Deno.writeTextFile(dir.join("list.json"), "[]");
  await Deno.mkdir(dir.join("folder"));
  await Deno.writeTextFile(dir.join("secret"), "x", { mode: 0o600 });
  await Deno.writeTextFile(dir.join("comma.json"), '{\n  "port": 1,\n}');
  const results = await Promise.all(REFUSED.map(async ([args, code, says]) => {
    const state = args.includes("--state")
      ? []
      : ["--state", dir.join(args.replace(/\W/g, ""))];
    const { code: got, stderr } = await runBip([
      "daemon",
      ...state,
      ...(args.includes("--dir") ? [] : ["--dir", dir.path]),
      "--listen",
      "127.0.0.1",
      "--port",
      "0",
      "--rpc-port",
      "0",
      ...args.split(" "),
    ], { permissions: PERMISSIONS, cwd: dir.path });
    return { args, code, got, says, stderr };
  }));
  for (const { args, code, got, says, stderr } of results) {
    assertEquals(got, code, `${args}: ${stderr}`);
    assertStringIncludes(stderr, says);
    assert(
      stderr.startsWith("bip: error: ") && stderr.split("\n").length <= 3,
      stderr,
    );
  }
});
