/** A daemon of a soak: started, watched, killed, asked. */
import { RemoteClient } from "../../daemon/remote_client.ts";
import { startBip } from "../support/bip.ts";
import type { Child } from "../support/process.ts";
import { INSPECTOR_LINE, liveBytes } from "./inspector.ts";
import type { Sample } from "./floors.ts";
import { DAEMON_HOST, pause } from "./world.ts";

/** Where a daemon keeps what. */
export interface DaemonPlace {
  readonly name: string;
  readonly state: string;
  readonly dir: string;
  /** Another folder that is allowed. */
  readonly otherDir: string;
  /** For peers; that of remotes is 2000 higher, that of V8's inspector 3000. */
  readonly port: number;
  /** Nodes of the DHT to begin with. */
  readonly dhtNode: string;
}

/** What its log may complain of, as it is done to it. */
const EXPECTED =
  /no space left|disk is full|database or disk is full|ENOSPC|os error 28/i;
/** So long may a stop take, in milliseconds. */
const STOP_MS = 10_000;

/** The daemon, in one process after the other. */
export class SoakedDaemon {
  readonly place: DaemonPlace;
  /** What it complained of, and should not have. */
  readonly complaints: string[] = [];
  /** Complaints that were to be expected. */
  expected = 0;
  /** Its resident memory, in KiB, since the last start. */
  memory: Sample[] = [];
  /** What its objects and buffers took while it had nothing, in KiB. */
  readonly heap: number[] = [];
  #child: Child | undefined;
  #read = 0;
  #http = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });

  constructor(place: DaemonPlace) {
    this.place = place;
  }

  get rpcUrl(): string {
    return `http://127.0.0.1:${this.place.port + 2000}`;
  }

  get pid(): number {
    return this.#child!.pid;
  }

  /** Starts it, and waits until it answers. */
  async start(): Promise<void> {
    const { state, dir, otherDir, port, dhtNode } = this.place;
    this.memory = [];
    this.#read = 0;
    this.#child = startBip([
      ...["daemon", "--state", state, "--dir", dir, "--allow-dir", otherDir],
      ...["--listen", DAEMON_HOST, "--port", `${port}`],
      ...["--rpc-port", `${port + 2000}`, "--stream", "--dht-node", dhtNode],
      ...["--no-lpd", "--no-port-map", "--json", "--log-level", "debug"],
    ], {
      permissions: ["-A"],
      flags: [`--inspect=127.0.0.1:${port + 3000}`],
    });
    await this.#child.line("listening");
  }

  /** Asks without keeping the connection. */
  readonly fetch = (
    input: string | URL | Request,
    init: RequestInit = {},
  ): Promise<Response> =>
    fetch(input, { ...init, client: this.#http } as RequestInit);

  /** A remote of its own. */
  remote(): RemoteClient {
    return new RemoteClient({ url: this.rpcUrl, fetch: this.fetch });
  }

  /** Reads `/metrics`; sums by name. */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    const response = await this.fetch(`${this.rpcUrl}/metrics`);
    const sums = new Map<string, number>();
    for (const line of (await response.text()).split("\n")) {
      const match = /^(\w+)(?:\{.*\})? (\S+)$/.exec(line);
      if (match === null) continue;
      const [, name, value] = match;
      sums.set(name!, (sums.get(name!) ?? 0) + Number(value));
    }
    return sums;
  }

  /** Files and sockets that it has open; not those of threads, and of Deno. */
  descriptors(): string[] {
    const dir = `/proc/${this.pid}/fd`;
    return Array.from(Deno.readDirSync(dir), ({ name }) => {
      try {
        return Deno.readLinkSync(`${dir}/${name}`);
      } catch {
        return "";
      }
    }).filter((path) => !/^$|^anon_inode|_cache_v\d/.test(path));
  }

  /** Seconds of a processor that it took. */
  cpuSeconds(): number {
    const stat = Deno.readTextFileSync(`/proc/${this.pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  /** Share of a processor that it takes, during some seconds. */
  async load(seconds: number): Promise<number> {
    const before = this.cpuSeconds();
    await pause(seconds * 1000);
    return (this.cpuSeconds() - before) / seconds;
  }

  /** Notes what is resident, and what is new in its log. */
  look(): void {
    const status = Deno.readTextFileSync(`/proc/${this.pid}/status`);
    const kib = Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0);
    this.memory.push({ at: performance.now(), value: kib });
    this.#readLog();
  }

  /** Notes what its objects and buffers take once the garbage is gone. */
  async weigh(): Promise<void> {
    this.heap.push(await liveBytes(this.place.port + 3000) / 1024);
  }

  #readLog(): void {
    const child = this.#child!;
    for (const line of child.lines.slice(this.#read)) {
      this.#read++;
      const { level, message } = line;
      if (line.type === "text") this.complaints.push(String(line.text));
      if (level !== "error") continue;
      if (EXPECTED.test(String(message))) this.expected++;
      else this.complaints.push(JSON.stringify(line));
    }
    // Nothing is written there with --json, but by Deno itself.
    const stderr = child.stderr.replaceAll(INSPECTOR_LINE, "");
    if (stderr !== "") this.complaints.push(`stderr: ${stderr.slice(-2000)}`);
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    this.#child!.kill("SIGKILL");
    await this.#child!.result;
    this.#readLog();
  }

  /** Ends it as systemd would; tells how long that took, in milliseconds. */
  async stop(): Promise<number> {
    const child = this.#child!;
    const start = performance.now();
    child.kill("SIGTERM");
    const { code } = await child.result;
    const tookMs = performance.now() - start;
    this.#readLog();
    if (code !== 0) this.complaints.push(`It ended with ${code}`);
    if (tookMs > STOP_MS) this.complaints.push(`It took ${tookMs} ms to stop`);
    return tookMs;
  }

  /** What SQLite says of its state file, and how many torrents are in it. */
  async checkState(): Promise<{ verdict: string; torrents: number }> {
    const { DatabaseSync } = await import("node:sqlite");
    const database = new DatabaseSync(this.place.state);
    try {
      const one = (sql: string) =>
        Object.values(database.prepare(sql).get()!)[0];
      return {
        verdict: String(one("PRAGMA integrity_check")),
        torrents: Number(one("SELECT count(*) FROM torrent")),
      };
    } finally {
      database.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child?.[Symbol.asyncDispose]();
    this.#http.close();
  }
}
