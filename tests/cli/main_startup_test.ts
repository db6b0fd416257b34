import { assert, assertEquals } from "@std/assert";
import { VERBS } from "../../cli/verbs.ts";
import { bipArguments } from "../support/bip_command.ts";
import { fromFileUrl } from "../support/paths.ts";

const ROOT = new URL("../../", import.meta.url);

interface Graph {
  readonly redirects: Readonly<Record<string, string>>;
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly {
      readonly code?: { readonly specifier: string };
      readonly isDynamic?: boolean;
    }[];
  }[];
}

/** What is loaded before the first line of a module runs, from the root on. */
async function modulesOf(path: string): Promise<string[]> {
  const flags = bipArguments([]).filter((arg) =>
    arg.startsWith("--import-map=") || arg.startsWith("--config=")
  );
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", ...flags, fromFileUrl(new URL(path, ROOT))],
    stderr: "null",
  }).output();
  assert(success);
  const graph: Graph = JSON.parse(new TextDecoder().decode(stdout));
  const modules = new Map(graph.modules.map((m) => [m.specifier, m]));
  const found = new Set<string>();
  const waiting = [new URL(path, ROOT).href];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const specifier = graph.redirects[next] ?? next;
    if (found.has(specifier)) continue;
    found.add(specifier);
    for (const dependency of modules.get(specifier)?.dependencies ?? []) {
      if (dependency.isDynamic || dependency.code === undefined) continue;
      waiting.push(dependency.code.specifier);
    }
  }
  return [...found].map((specifier) => specifier.replace(ROOT.href, ""));
}

/** What a transfer may load late only: not everybody needs it, or not at once. */
const TRANSFER = new RegExp([
  "^(dht|lpd|htracker|portmap|utp|utracker|webseed)/",
  "^metainfo/(create|hash/|verify)",
  "^client/(bound|http)|^client/session/guarded",
  "^handshake/(proxy(_transport|/)|ip_set|blocklist)",
  "^disk/(object|storage/open_store)",
  "^cli/(transfer/(blocklist|privacy_plan)|(write_file|torrent/(bucket\\.|fetch|create|find_files)))",
].join("|"));

/** Most modules of a verb: the time to load it grows with their number. */
const MOST: Readonly<Record<string, number>> = {
  create: 59,
  edit: 40,
  info: 36,
  magnet: 32,
  verify: 77,
  download: 251,
  stream: 260,
  seed: 247,
  remote: 47,
  top: 22,
  daemon: 248,
  tracker: 55,
  announce: 55,
  scrape: 54,
  lpd: 27,
  portmap: 30,
  dht: 87,
  completions: 10,
};

/** What may be loaded late only, by verb; the others have no say in it. */
const LATE: Readonly<Record<string, RegExp>> = {
  create: /^(client|disk|dht|lpd|peer|select\/(?!rate_meter)|[hu]tracker)\//,
  edit:
    /^(client|disk|dht|lpd|peer|handshake|select|[hu]?tracker)\/|^metainfo\/(create|hash)/,
  info: /^(client|disk|dht|lpd|peer|handshake|select|[hu]tracker)\//,
  magnet: /^(client|disk|dht|lpd|peer|handshake|select|[hu]tracker)\//,
  verify:
    /^(client\/(?!incomplete_place)|(dht|lpd|peer|select\/(?!rate_meter)|[hu]tracker)\/)/,
  download: TRANSFER,
  seed: TRANSFER,
  tracker: /^(client|disk|dht|lpd|peer|select)\//,
  announce: /^(client|disk|dht|lpd|peer|select)\/|server/,
  scrape: /^(client|disk|dht|lpd|peer|select)\/|server/,
  lpd: /^(client|disk|dht|peer|select|[hu]tracker)\//,
  dht: /^(client|disk|lpd|peer|select|[hu]tracker)\//,
  completions: /^(client|disk|dht|lpd|peer|select|metainfo|[hu]tracker)\//,
};

Deno.test("bip starts with a handful of modules", async () => {
  const modules = await modulesOf("cli/main.ts");
  assert(modules.length <= 10, modules.join());
});

Deno.test("a verb loads no face, nothing of Node's, and no more than it needs", async () => {
  const table = await Deno.readTextFile(new URL("cli/verbs.ts", ROOT));
  for (const { name } of VERBS) {
    const path = new RegExp(`"\\./((?:\\w+/)?${name}\\.ts)"`).exec(table)?.[1];
    const modules = await modulesOf(`cli/${path}`);
    assert(modules.length > 1, name);
    assert(modules.length <= MOST[name]!, `${name}: ${modules.length}`);
    const wrong = modules.filter((module) =>
      /(^|\/)mod\.ts$/.test(module) && !module.includes("@std") ||
      module.startsWith("node:") || LATE[name]?.test(module)
    );
    assertEquals(wrong, [], name);
  }
});
