/**
 * Three hosts in a row: ours, which reaches only the second; the second, which
 * runs proxies and forwards nothing; and the world behind it.
 */
import { bipOnNetwork } from "../support/bip_command.ts";
import { NetnsHosts } from "../support/netns_hosts.ts";
import { fromFileUrl, TempDir } from "../support/paths.ts";
import type { Child } from "../support/process.ts";
import { type CommandLine, libtorrentCommand } from "./programs.ts";
import { until } from "./discovery.ts";

export const OURS = 0;
export const PROXY = 1;
export const WORLD = 2;

/** Address of the peers, trackers and web servers. */
export const FAR = "45.11.0.2";
/** The names that the proxy's host knows for it. */
const HOSTS = `127.0.0.1 localhost\n${FAR} peer.example tracker.example\n`;

/** What the proxies want. */
export const LOGIN = "bip-test:p%40ss";
const [USER, PASSWORD] = ["bip-test", "p@ss"];

/** What left our host. */
export interface Counts {
  /** Packets to the proxies. */
  readonly proxied: number;
  /** Packets to anywhere else, and all DNS. */
  readonly elsewhere: number;
  readonly dns: number;
}

/** The hosts and what runs on them. */
export class ProxyNet implements AsyncDisposable {
  readonly hosts: NetnsHosts;
  readonly #stack = new AsyncDisposableStack();
  readonly #temp = new TempDir();

  private constructor(hosts: NetnsHosts) {
    this.hosts = hosts;
    this.#stack.use(this.#temp);
    this.#stack.use(hosts);
  }

  static async open(): Promise<ProxyNet> {
    const net = new ProxyNet(await NetnsHosts.open(3));
    try {
      await net.#connect();
    } catch (error) {
      await net[Symbol.asyncDispose]();
      throw error;
    }
    return net;
  }

  async #connect(): Promise<void> {
    const { hosts } = this;
    await hosts.connect("near", [OURS, "10.77.0.1/24"], [
      PROXY,
      "10.77.0.2/24",
    ]);
    await hosts.connect("far", [PROXY, "45.11.0.1/24"], [WORLD, `${FAR}/24`]);
    // There is a way for everything, so that what goes round is seen.
    await hosts.run(OURS, "ip route add default via 10.77.0.2");
    await hosts.run(PROXY, `ip route add 45.0.0.0/8 via ${FAR}`);
    await hosts.run(WORLD, "ip route add default via 45.11.0.1");
    await hosts.overlay(OURS, "/etc/resolv.conf", "nameserver 10.77.0.2\n");
    await hosts.overlay(OURS, "/etc/hosts", "127.0.0.1 localhost\n");
    for (const host of [PROXY, WORLD]) {
      await hosts.overlay(host, "/etc/hosts", HOSTS);
    }
    const rules = `table inet bip {
  chain out {
    type filter hook output priority 0
    oifname lo accept
    udp dport 53 counter comment "dns"
    tcp dport 53 counter comment "dns"
    ip daddr 10.77.0.2 tcp dport { 1080, 3128 } counter accept comment "proxied"
    ip daddr 10.77.0.2 udp dport >= 1024 counter accept comment "proxied"
    meta l4proto { igmp, ipv6-icmp } accept
    counter comment "elsewhere"
  }
}
`;
    const file = this.#temp.join("rules");
    await Deno.writeTextFile(file, rules);
    await hosts.run(OURS, `nft -f ${file}`);
  }

  /** Starts danted, which wants a user of the system and a password. */
  async startSocks(): Promise<void> {
    const { hosts } = this;
    const hash = await hosts.run(PROXY, `openssl passwd -6 '${PASSWORD}'`);
    const passwd = await Deno.readTextFile("/etc/passwd");
    const shadow = await Deno.readTextFile("/etc/shadow");
    await hosts.overlay(
      PROXY,
      "/etc/passwd",
      `${passwd}${USER}:x:65533:65534::/:/bin/false\n`,
    );
    await hosts.overlay(
      PROXY,
      "/etc/shadow",
      `${shadow}${USER}:${hash.trim()}:1::::::\n`,
    );
    const config = this.#temp.join("danted.conf");
    await Deno.writeTextFile(
      config,
      `logoutput: stderr
internal: 10.77.0.2 port = 1080
external: 45.11.0.1
clientmethod: none
socksmethod: username
user.privileged: root
user.unprivileged: nobody
client pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
`,
    );
    this.#stack.use(hosts.start(PROXY, {
      command: "danted",
      args: ["-f", config, "-p", this.#temp.join("danted.pid")],
    }, { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" }));
    await this.#untilListens(PROXY, 1080);
  }

  /** Starts a proxy that knows CONNECT. */
  async startHttp(): Promise<void> {
    this.startDeno(PROXY, "connect_proxy.ts", "10.77.0.2", "3128", LOGIN);
    await this.#untilListens(PROXY, 3128);
  }

  /** Starts a script of `peers/` with its arguments. */
  startDeno(host: number, script: string, ...args: string[]): Child {
    const map = Deno.env.get("BIP_IMPORT_MAP") ?? fromFileUrl(
      new URL("../../_tools/import_map.offline.json", import.meta.url),
    );
    return this.#stack.use(this.hosts.start(host, {
      command: Deno.execPath(),
      args: [
        ...["run", "--quiet", "--no-prompt", "--no-check", "--unstable-net"],
        ...[`--import-map=${map}`, "--allow-net", "--allow-sys"],
        fromFileUrl(new URL(`./peers/${script}`, import.meta.url)),
        ...args,
      ],
    }));
  }

  /** Starts `bip` on a host. */
  startBip(host: number, ...args: string[]): Child {
    return this.#stack.use(this.hosts.start(host, bipOnNetwork(args), {
      NO_COLOR: "1",
      // The runtime itself would ask for its newest version.
      DENO_NO_UPDATE_CHECK: "1",
    }));
  }

  /** Starts a program in the world. */
  start(command: CommandLine): Child {
    return this.#stack.use(this.hosts.start(WORLD, command));
  }

  /** Starts a libtorrent seeder there; where it listens. */
  async startSeeder(...args: string[]): Promise<number> {
    const seeder = this.start(
      libtorrentCommand("seed", ...args, "--listen", FAR),
    );
    const { port } = await seeder.line("listening");
    return Number(port);
  }

  /** What left our host so far. */
  async counts(): Promise<Counts> {
    const text = await this.hosts.run(OURS, "nft list ruleset");
    const sum = (name: string) =>
      [...text.matchAll(/counter packets (\d+) .*comment "(\w+)"/g)]
        .filter(([, , comment]) => comment === name)
        .reduce((total, [, packets]) => total + Number(packets), 0);
    return {
      proxied: sum("proxied"),
      elsewhere: sum("elsewhere"),
      dns: sum("dns"),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  async #untilListens(host: number, port: number): Promise<void> {
    await until(`something listens on port ${port}`, async () => {
      const text = await this.hosts.run(host, "ss -ltnH || cat /proc/net/tcp");
      const hex = port.toString(16).toUpperCase().padStart(4, "0");
      return text.includes(`:${port} `) || text.includes(`:${hex} `);
    });
  }
}
