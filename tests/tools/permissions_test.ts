/**
 * Every module imports without a permission, works with exactly those that its
 * documentation names, and without one of them says which.
 */
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { HttpTrackerServer } from "../../htracker/mod.ts";
import { createMetainfo } from "../../metainfo/mod.ts";
import { UdpTrackerServer } from "../../utracker/mod.ts";
import { NetnsPair, netnsProblem } from "../support/netns.ts";
import { fromFileUrl, TempDir } from "../support/paths.ts";
import { Child, type ChildLine } from "../support/process.ts";

const ROOT = new URL("../../", import.meta.url);
const config = JSON.parse(
  await Deno.readTextFile(new URL("deno.json", ROOT)),
) as { exports: Record<string, string> };
const noNetns = await netnsProblem();

/** Flags that each use of `permission_child.ts` cannot do without. */
const NEEDS: Readonly<Record<string, Readonly<Record<string, string[]>>>> = {
  metainfo: { createMetainfo: ["--allow-read"] },
  disk: { NativeFileSystem: ["--allow-read", "--allow-write"] },
  handshake: {
    "Handshaker listens": ["--allow-net"],
    "Handshaker connects": ["--allow-net"],
  },
  dht: { MainlineDht: ["--allow-net"] },
  utracker: {
    UdpTrackerServer: ["--allow-net"],
    UdpTrackerClient: ["--allow-net"],
  },
  tracker: { TrackerStatsServer: ["--allow-net"] },
  htracker: {
    HttpTrackerServer: ["--allow-net"],
    HttpTrackerClient: ["--allow-net"],
  },
  lpd: { LocalDiscovery: ["--allow-net"] },
  utp: { UtpTransport: ["--allow-net"] },
  webseed: { WebSeed: ["--allow-net"] },
  portmap: { PortMapper: ["--allow-net"] },
  client: {
    Session: ["--allow-net", "--allow-read"],
    "Session with DHT": ["--allow-net"],
  },
  daemon: {
    Daemon: ["--allow-net", "--allow-read", "--allow-write"],
    "Room on a disk": ["--allow-read", "--allow-sys=statfs"],
  },
};
/** Modules without drivers. */
const PURE = ["bencode", "peer", "select", "testing"];
/** Documented, and of use only in cases that other tests show. */
const OPTIONAL: Readonly<Record<string, string[]>> = {
  disk: ["--allow-net"],
  lpd: ["--allow-sys=networkInterfaces"],
  portmap: ["--allow-sys=networkInterfaces"],
  client: ["--allow-write"],
  daemon: ["--allow-run"],
};

/** The arguments for `deno` that run a file. */
function runArguments(
  flags: readonly string[],
  file: string,
  args: readonly string[] = [],
): string[] {
  const std = import.meta.resolve("@std/assert");
  const importMap = Deno.env.get("BIP_IMPORT_MAP") ??
    (std.startsWith("jsr:")
      ? ""
      : fromFileUrl(new URL("_tools/import_map.offline.json", ROOT)));
  return [
    "run",
    "--quiet",
    "--no-check",
    "--no-prompt",
    `--config=${fromFileUrl(new URL("deno.json", ROOT))}`,
    ...(importMap === "" ? [] : [`--import-map=${importMap}`]),
    ...flags,
    file,
    ...args,
  ];
}

/** The flags that a face's documentation names. */
async function documented(module: string): Promise<string[]> {
  const source = await Deno.readTextFile(new URL(`${module}/mod.ts`, ROOT));
  const text = /^ \* Permissions: (.*?)^ \*$/ms.exec(source)?.[1];
  assert(text !== undefined, `${module} does not say what it needs`);
  const flags = [...text.matchAll(/`(--allow-[^`]+)`/g)].map((m) => m[1]!);
  return [...new Set(flags)].sort();
}

/** What a module's drivers are used on. */
class Scene implements AsyncDisposable {
  readonly #temp = new TempDir();
  readonly #http = HttpTrackerServer.open({
    listen: { hostname: "127.0.0.1", port: 0 },
  });
  #udp: UdpTrackerServer | undefined;
  #torrent = "";

  static async open(): Promise<Scene> {
    const scene = new Scene();
    scene.#udp = await UdpTrackerServer.open({
      listen: { hostname: "127.0.0.1", port: 0 },
    });
    const path = scene.#temp.join("here");
    await Deno.writeTextFile(path, "Hello, world!");
    scene.#torrent = (await createMetainfo({ inputs: [{ path }] })).toHex();
    return scene;
  }

  /** The arguments that use a module with some permissions. */
  command(module: string, flags: readonly string[]): string[] {
    // As narrow as it can be said before it runs.
    const narrow = flags.map((flag) =>
      /^--allow-(?:read|write)$/.test(flag)
        ? `${flag}=${this.#temp.path}`
        : flag
    );
    const script = new URL("tests/support/permission_child.ts", ROOT);
    const { port } = this.#udp!.locals[0]!;
    return runArguments(narrow, fromFileUrl(script), [
      module,
      this.#temp.path,
      this.#http.url,
      `udp://127.0.0.1:${port}`,
      this.#torrent,
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#http.close();
    await this.#udp?.close();
    await this.#temp[Symbol.asyncDispose]();
  }
}

async function use(
  command: string,
  args: readonly string[],
): Promise<ChildLine[]> {
  await using child = new Child(command, {
    args: [...args],
    env: { NO_COLOR: "1" },
  });
  const { code, lines, stderr } = await child.result;
  assertEquals([code, stderr], [0, ""]);
  return lines;
}

/** Compares what worked and what did not with what has to. */
function check(
  module: string,
  lines: readonly ChildLine[],
  missing: readonly string[],
): void {
  const needs = NEEDS[module]!;
  assertEquals(lines.map(({ name }) => name), Object.keys(needs));
  for (const { type, name, message } of lines) {
    const lacks = needs[name as string]!.filter((it) => missing.includes(it));
    const what = `${name} without ${missing.join(" ") || "nothing"}`;
    if (lacks.length === 0) {
      assertEquals(type, "worked", `${what}: ${message}`);
      continue;
    }
    assertEquals(type, "failed", what);
    assertMatch(
      message as string,
      /Requires (?:net|read|sys|write) access to /,
    );
    assert(
      lacks.some((flag) =>
        (message as string).endsWith(`the ${flag.replace(/=.*/, "")} flag`)
      ),
      `${what}: ${message}`,
    );
    assert(!(message as string).includes("\n"), what);
  }
}

Deno.test("permissions - every face imports without any", async () => {
  await using temp = new TempDir();
  for (const [subpath, path] of Object.entries(config.exports)) {
    const url = new URL(path, ROOT);
    const file = temp.join("import.ts");
    await Deno.writeTextFile(
      file,
      `import * as face from ${JSON.stringify(url.href)};
console.log(Object.keys(face).length > 0);
for (const name of ["net", "read", "write", "env", "sys", "run"] as const) {
  const { state } = Deno.permissions.querySync({ name });
  if (state === "granted") console.log(name);
}
`,
    );
    const lines = await use(Deno.execPath(), runArguments([], file));
    assertEquals(lines, [{ type: "text", text: "true" }], subpath);
  }
});

Deno.test("permissions - the table here is about every module", async () => {
  const modules = Object.keys(config.exports)
    .map((subpath) => subpath.slice(2))
    .filter((name) => name !== "" && name !== "cli");
  assertEquals([...Object.keys(NEEDS), ...PURE].sort(), modules.sort());
  for (const [module, needs] of Object.entries(NEEDS)) {
    const flags = [
      ...Object.values(needs).flat(),
      ...OPTIONAL[module] ?? [],
    ];
    assertEquals([...new Set(flags)].sort(), await documented(module), module);
  }
  for (const module of PURE) {
    const source = await Deno.readTextFile(new URL(`${module}/mod.ts`, ROOT));
    assertStringIncludes(source, "* Permissions: none");
  }
});

for (const module of Object.keys(NEEDS)) {
  Deno.test({
    name: `permissions - ${module} works with what it documents, not with less`,
    timeout: 60_000,
    async fn() {
      await using scene = await Scene.open();
      const all = await documented(module);
      // Multicast has no place on the machine's own interfaces.
      if (module !== "lpd") {
        check(
          module,
          await use(Deno.execPath(), scene.command(module, all)),
          [],
        );
      }
      for (const missing of all) {
        if (OPTIONAL[module]?.includes(missing)) continue;
        const left = all.filter((flag) => flag !== missing);
        for (const extra of [[], ["--unstable-net"]]) {
          const args = scene.command(module, [...extra, ...left]);
          check(module, await use(Deno.execPath(), args), [missing]);
        }
      }
      const args = scene.command(module, []);
      check(module, await use(Deno.execPath(), args), all);
    },
  });
}

Deno.test({
  name: noNetns === undefined
    ? "permissions - lpd in a network of its own"
    : `permissions - lpd in a network of its own (skipped: ${noNetns})`,
  ignore: noNetns !== undefined,
  timeout: 60_000,
  async fn() {
    await using scene = await Scene.open();
    await using pair = await NetnsPair.open();
    const all = await documented("lpd");
    for (const flags of [all, ["--allow-net"]]) {
      const { command, args } = pair.command(
        0,
        Deno.execPath(),
        scene.command("lpd", flags),
      );
      check("lpd", await use(command, args), []);
    }
  },
});
