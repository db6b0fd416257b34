/**
 * qBittorrent with the settings it comes with, on a host that has nothing but
 * its loopback; ours runs beside it.
 */
import { bipOnNetwork } from "../support/bip_command.ts";
import { NetnsHosts } from "../support/netns_hosts.ts";
import { TempDir } from "../support/paths.ts";
import type { Child } from "../support/process.ts";
import { until } from "./discovery.ts";

/** Where it listens, and where its page is. */
export const PORT = 16_999;
export const QBITTORRENT_API = "http://127.0.0.1:18080/api/v2";

/** Settings that a program needs which nobody looks at. */
const SETTINGS = `[LegalNotice]
Accepted=true

[BitTorrent]
Session\\Port=${PORT}

[Preferences]
WebUI\\Address=127.0.0.1
WebUI\\Port=18080
WebUI\\LocalHostAuth=false
`;

/** Writes them below its home, perhaps with forced encryption. */
export async function writeSettings(
  home: string,
  isForced = false,
): Promise<void> {
  const folder = `${home}/qBittorrent/config`;
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(
    `${folder}/qBittorrent.conf`,
    isForced
      ? SETTINGS.replace("\n\n[Pref", "\nSession\\Encryption=1\n\n[Pref")
      : SETTINGS,
  );
}

/** What it tells of a torrent. */
export interface QTorrent {
  /** By which it calls the torrent. */
  readonly hash: string;
  /** 0 to 1. */
  readonly progress: number;
  readonly state: string;
}

/** What it tells of a peer. */
export interface QPeer {
  readonly client: string;
  /** Letters. */
  readonly flags: string;
  /** 0 to 1. */
  readonly progress: number;
  readonly connection: string;
}

/** One qBittorrent. */
export class QBittorrent implements AsyncDisposable {
  readonly #hosts: NetnsHosts;
  readonly #stack = new AsyncDisposableStack();
  readonly #temp = new TempDir();

  private constructor(hosts: NetnsHosts) {
    this.#hosts = hosts;
    this.#stack.use(this.#temp);
    this.#stack.use(hosts);
  }

  /** Starts it; forced encryption is its one other setting. */
  static async start(
    isForced = false,
    command = "qbittorrent-nox",
  ): Promise<QBittorrent> {
    const one = new QBittorrent(await NetnsHosts.open(1));
    try {
      await writeSettings(one.#temp.path, isForced);
      one.#stack.use(one.#hosts.start(0, {
        command,
        args: [`--profile=${one.#temp.path}`],
      }, { HOME: one.#temp.path }));
      await until(
        "qBittorrent's page is there",
        () => one.#ask("app/version").then(() => true, () => false),
      );
      return one;
    } catch (error) {
      await one[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts `bip` beside it. */
  startBip(...args: string[]): Child {
    return this.#stack.use(
      this.#hosts.start(0, bipOnNetwork(args), {
        NO_COLOR: "1",
        DENO_NO_UPDATE_CHECK: "1",
      }),
    );
  }

  /** Adds a file or link, whose content is, or will be, in a folder. */
  async add(torrent: string, dir: string, isSeed: boolean): Promise<void> {
    const isLink = torrent.startsWith("magnet:");
    const before = (await this.all()).length;
    await this.#ask(
      "torrents/add",
      ...["--form-string", `savepath=${dir}`],
      ...isLink
        ? ["--form-string", `urls=${torrent}`]
        : ["-F", `torrents=@${torrent}`],
      ...["-F", `skip_checking=${isSeed}`, "-F", "autoTMM=false"],
    );
    await until(
      "it knows the torrent",
      async () => (await this.all()).length > before,
    );
  }

  /** Tells it of a peer for a torrent, its only one unless it is named. */
  async addPeer(peer: string, named?: string): Promise<void> {
    const hash = named ?? (await this.all())[0]!.hash;
    await this.#ask("torrents/addPeers", "-d", `hashes=${hash}&peers=${peer}`);
  }

  /** What it shows of the peers of a torrent. */
  async peers(hash: string): Promise<readonly QPeer[]> {
    const text = await this.#ask(`sync/torrentPeers?hash=${hash}`);
    return Object.values(JSON.parse(text).peers ?? {});
  }

  /** Goes on after an error. */
  async resume(): Promise<void> {
    await this.#ask("torrents/resume", "-d", "hashes=all")
      // What it is called since version 5.
      .catch(() => this.#ask("torrents/start", "-d", "hashes=all"));
  }

  /** Its torrents. */
  async all(): Promise<readonly QTorrent[]> {
    return JSON.parse(await this.#ask("torrents/info"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  async #ask(path: string, ...args: string[]): Promise<string> {
    const words = ["curl", "-sSf", "--max-time", "5", ...args]
      .map((word) => `'${word}'`);
    return await this.#hosts.run(
      0,
      `${words.join(" ")} '${QBITTORRENT_API}/${path}'`,
    );
  }
}
