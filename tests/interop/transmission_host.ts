/** A transmission daemon on a host of its own; it dials no loopback address. */
import {
  type Endpoint,
  tryEncodeCompactEndpoint,
} from "../../_shared/address.ts";
import { concatBytes } from "../../_shared/bytes.ts";
import { encodeBencode } from "../../bencode/mod.ts";
import { NETNS_HOSTS, type NetnsPair } from "../support/netns.ts";
import { TempDir } from "../support/paths.ts";
import { type Child, run } from "../support/process.ts";
import { startOn, until } from "./discovery.ts";
import { type TransmissionRelease, TRANSMISSIONS } from "./programs.ts";

/** Options of {@linkcode TransmissionHost.start}. */
export interface TransmissionOptions {
  /** Of its peers, and of its DHT; the one of its RPC is 1000 higher. */
  readonly port: number;
  /** Whether it speaks uTP. @default {false} */
  readonly utp?: boolean;
  /** Whether it tolerates, prefers or requires encryption. @default {0} */
  readonly encryption?: 0 | 1 | 2;
  /** Whether it tells peers of others. @default {false} */
  readonly pex?: boolean;
  /** Whether it uses local discovery. @default {false} */
  readonly lpd?: boolean;
  /**
   * Nodes it remembers from an earlier run. It looks for peers, and announces,
   * once nine nodes are in its table and four of them have answered.
   *
   * @default it has no DHT
   */
  readonly dht?: readonly Endpoint[];
  /** Which one. @default {Debian's own} */
  readonly release?: TransmissionRelease;
}

/**
 * Version 4 has no UDP where no route leads out. There is one here, but nothing gets
 * out, and is told so at once.
 */
async function wayOut(pair: NetnsPair, host: 0 | 1): Promise<void> {
  const lines = [
    "ip route replace default via " + NETNS_HOSTS[1 - host]!.v4,
    "nft 'add table inet w; " +
    "add chain inet w o { type filter hook output priority 0; }; " +
    "flush chain inet w o; add rule inet w o ip daddr != " +
    "{ 10.0.0.0/8, 127.0.0.0/8, 224.0.0.0/3 } reject'",
  ];
  const line = pair.command(host, "sh", ["-ec", lines.join("\n")]);
  await run(line.command, ...line.args);
}

/** A running daemon. */
export class TransmissionHost implements AsyncDisposable {
  readonly #pair: NetnsPair;
  readonly #host: 0 | 1;
  readonly #rpcPort: number;
  readonly #config: TempDir;
  readonly #child: Child;
  readonly #command: string;

  private constructor(
    pair: NetnsPair,
    host: 0 | 1,
    rpcPort: number,
    config: TempDir,
    child: Child,
    command: string,
  ) {
    this.#command = command;
    this.#pair = pair;
    this.#host = host;
    this.#rpcPort = rpcPort;
    this.#config = config;
    this.#child = child;
  }

  /** Starts one whose downloads, and data to seed, are in a folder. */
  static async start(
    pair: NetnsPair,
    host: 0 | 1,
    dir: string,
    options: TransmissionOptions,
  ): Promise<TransmissionHost> {
    const { port, utp = false, encryption = 0, lpd = false, dht } = options;
    const { pex = false, release = TRANSMISSIONS[0] } = options;
    const rpcPort = port + 1000;
    const config = new TempDir();
    await Deno.writeTextFile(
      config.join("settings.json"),
      JSON.stringify({
        "dht-enabled": dht !== undefined,
        "lpd-enabled": lpd,
        "pex-enabled": pex,
        "utp-enabled": utp,
        "port-forwarding-enabled": false,
        "peer-port": port,
        "rpc-bind-address": "127.0.0.1",
        "rpc-port": rpcPort,
        "download-dir": dir,
        encryption,
      }),
    );
    if (dht !== undefined) {
      const nodes = concatBytes(dht.map((n) => tryEncodeCompactEndpoint(n)!));
      await Deno.writeFile(config.join("dht.dat"), encodeBencode({ nodes }));
    }
    if (release === TRANSMISSIONS[1]) await wayOut(pair, host);
    const child = startOn(pair, host, {
      command: release.daemon,
      args: ["--foreground", "--config-dir", config.path],
    }, { TR_DHT_VERBOSE: "1" });
    return new TransmissionHost(
      ...[pair, host, rpcPort, config, child, release.remote] as const,
    );
  }

  /** The end of what it said; its DHT tells of each step. */
  get stderr(): string {
    return this.#child.stderr;
  }

  /** Runs transmission-remote against the daemon. */
  async remote(...args: string[]): Promise<string> {
    const line = this.#pair.command(this.#host, this.#command, [
      `127.0.0.1:${this.#rpcPort}`,
      ...args,
    ]);
    const { stdout } = await new Deno.Command(line.command, {
      args: line.args,
      stdin: "null",
      stderr: "null",
    }).output();
    return new TextDecoder().decode(stdout);
  }

  /** What it shows of its peers: addresses, flags, progress, rates, clients. */
  async peers(): Promise<string[]> {
    const lines = (await this.remote("-t", "1", "-ip")).trim().split("\n");
    return lines.slice(1);
  }

  /** Adds a link and waits until everything is there. */
  async download(link: string, timeoutMs = 45_000): Promise<void> {
    await this.#add(link);
    await this.#complete(timeoutMs);
  }

  /** Adds a torrent file whose data is there, and waits until it seeds. */
  async seed(torrent: string): Promise<void> {
    await this.#add(torrent);
    await this.remote("-t", "1", "--verify");
    await this.#complete(20_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]();
    await this.#config[Symbol.asyncDispose]();
  }

  async #add(source: string): Promise<void> {
    await until(
      "transmission takes a torrent",
      async () => (await this.remote("--add", source)).includes("success"),
    );
  }

  async #complete(timeoutMs: number): Promise<void> {
    await until(
      "transmission is complete",
      async () => /Percent Done: 100%/.test(await this.remote("-t", "1", "-i")),
      timeoutMs,
    );
  }
}
