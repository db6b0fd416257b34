/**
 * A node of our DHT under load, beside a bare `Deno.listenDatagram` echo and
 * npm's `bittorrent-dht` on node. All tables are full: a crowd of 2000 nodes
 * on loopback answers. In turns, in one run.
 *
 * Needs gcc; `bittorrent-dht` is measured when `BIP_BENCH_NPM` names a folder
 * in which it was installed. Runs alone, too: `deno run -A bench/dht_bench.ts`.
 *
 * @module
 */
import type { BenchRow } from "./bench_row.ts";

const QUERIES = ["ping", "find_node", "get_peers"] as const;
type Query = typeof QUERIES[number];

const SMOKE = Deno.env.get("BIP_BENCH_SMOKE") === "1";
const CROWD = SMOKE ? 100 : 2000;
const ROUNDS = SMOKE ? 1 : 9;
const SECONDS = SMOKE ? 0.2 : 1;
const WINDOW = 32;
const ECHO_SHARE = 0.85;

const here = (name: string) =>
  decodeURIComponent(new URL(name, import.meta.url).pathname);

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}

/** A process that says "up"; ends with its scope. */
class Server implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;

  private constructor(process: Deno.ChildProcess) {
    this.#process = process;
  }

  static async start(
    command: string,
    args: string[],
  ): Promise<[server: Server, line: string]> {
    const process = new Deno.Command(command, {
      args,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const server = new Server(process);
    let text = "";
    const reader = process.stdout.pipeThrough(new TextDecoderStream())
      .getReader();
    while (!text.includes("\n")) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`${command} ended before it was up`);
      text += value;
    }
    await reader.cancel();
    return [server, text.trim()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stdin.close();
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // It ended by itself.
    }
    await this.#process.status;
  }
}

async function measure(
  program: string,
  port: number,
  query: Query,
): Promise<number> {
  const { stdout } = await new Deno.Command(program, {
    args: ["load", `${port}`, `${SECONDS}`, `${WINDOW}`, query],
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).perSecond;
}

const median = (all: readonly number[]): number =>
  all.toSorted((a, b) => a - b)[all.length >> 1] ?? 0;

const shown = (perSecond: number): string =>
  `${(perSecond / 1000).toFixed(1)}k/s`;

/**
 * Measures.
 *
 * @returns A row for each query, and one of the echo.
 */
export async function run(): Promise<BenchRow[]> {
  const folder = await Deno.makeTempDir({ prefix: "bip-dht-bench-" });
  try {
    const program = `${folder}/dht_load`;
    try {
      const { success } = await new Deno.Command("gcc", {
        args: ["-O2", "-o", program, here("peers/dht_load.c")],
      }).output();
      if (!success) throw new Error("gcc failed");
    } catch {
      return [{
        name: "DHT node",
        ours: "not measured",
        note: "needs gcc for the load generator",
      }];
    }
    return await measureAll(program);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function measureAll(program: string): Promise<BenchRow[]> {
  await using stack = new AsyncDisposableStack();
  const crowdPort = freePort();
  const [crowd] = await Server.start(program, [
    "crowd",
    `${crowdPort}`,
    `${CROWD}`,
  ]);
  stack.use(crowd);
  const deno = (...args: string[]) => {
    const map = Deno.env.get("BIP_IMPORT_MAP") ??
      (import.meta.resolve("@std/assert").startsWith("jsr:")
        ? undefined
        : here("../_tools/import_map.offline.json"));
    return Server.start(Deno.execPath(), [
      ...["run", "-A", "--quiet", "--no-check", "--unstable-net"],
      `--config=${here("../deno.json")}`,
      ...(map === undefined ? [] : [`--import-map=${map}`]),
      here("peers/dht_node.ts"),
      ...args,
    ]);
  };
  const [echoPort, ourPort, npmPort] = [freePort(), freePort(), freePort()];
  const [echo] = await deno("echo", `${echoPort}`);
  stack.use(echo);
  const [ours, ourLine] = await deno(
    ...["node", `${ourPort}`, `${crowdPort}`, `${CROWD}`],
  );
  stack.use(ours);
  const npm = Deno.env.get("BIP_BENCH_NPM");
  let npmLine = "";
  if (npm !== undefined) {
    try {
      const [server, line] = await Server.start("node", [
        here("peers/bittorrent_dht.cjs"),
        ...[npm, `${npmPort}`, `${crowdPort}`, `${CROWD}`],
      ]);
      stack.use(server);
      npmLine = line;
    } catch {
      // Without node or the module there is nothing to compare with.
    }
  }
  const figures = new Map<string, number[]>();
  const note = async (who: string, port: number, query: Query) => {
    const key = `${who} ${query}`;
    const list = figures.get(key) ?? [];
    list.push(await measure(program, port, query));
    figures.set(key, list);
  };
  // One round to warm up, which is not counted.
  for (let round = 0; round <= ROUNDS; round++) {
    if (round === 1) figures.clear();
    await note("echo", echoPort, "ping");
    for (const query of QUERIES) {
      await note("ours", ourPort, query);
      if (npmLine !== "") await note("npm", npmPort, query);
    }
  }
  const of = (who: string, query: Query) =>
    median(figures.get(`${who} ${query}`) ?? []);
  const nodes = `${ourLine.replace("up ", "")} nodes in our table` +
    (npmLine === "" ? "" : `, ${npmLine.replace("up ", "")} in its`);
  const bare = of("echo", "ping");
  const rows: BenchRow[] = [{
    name: "DHT ping, beside a bare Deno echo",
    ours: shown(of("ours", "ping")),
    peer: `echo ${shown(bare)}`,
    ratio: of("ours", "ping") / bare,
    target: `${ECHO_SHARE} of the echo`,
    met: of("ours", "ping") >= ECHO_SHARE * bare,
    note: nodes,
  }];
  for (const query of QUERIES) {
    const mine = of("ours", query);
    if (npmLine === "") {
      rows.push({
        name: `DHT ${query}`,
        ours: shown(mine),
        note: "BIP_BENCH_NPM names no folder with npm bittorrent-dht",
      });
      continue;
    }
    const theirs = of("npm", query);
    rows.push({
      name: `DHT ${query}, full table`,
      ours: shown(mine),
      peer: `bittorrent-dht ${shown(theirs)}`,
      ratio: mine / theirs,
      target: "faster",
      met: mine > theirs,
    });
  }
  return rows;
}

if (import.meta.main) console.table(await run());
