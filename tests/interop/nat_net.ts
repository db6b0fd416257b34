/**
 * Two hosts behind routers that translate addresses and let nobody in, and a
 * public host between them.
 */
import { bipOnNetwork } from "../support/bip_command.ts";
import { NetnsHosts } from "../support/netns_hosts.ts";
import type { Child } from "../support/process.ts";
import { type CommandLine, libtorrentCommand } from "./programs.ts";

/** The public host. */
export const RELAY = 0;
/** The hidden ones; the router of each comes before it. */
export const HIDDEN = [2, 4] as const;

/** The public host's address. */
export const RELAY_ADDRESS = "5.0.0.1";
/** What the routers make of the hidden ones' addresses. */
export const OUTSIDE = ["5.0.0.2", "5.0.0.3"] as const;
/** Their own addresses. */
export const INSIDE = ["192.168.1.2", "192.168.2.2"] as const;

/**
 * What an ordinary router does; or one that gives every way another port. It
 * counts datagrams to the other router.
 */
const rules = (isSymmetric: boolean, other: string) =>
  `table ip nat {
  chain post { type nat hook postrouting priority 100; oifname wan masquerade ${
    isSymmetric ? "random" : ""
  }; }
}
table ip filter {
  counter punches {}
  chain forward {
    type filter hook forward priority 0; iifname wan ct state new drop;
    ip daddr ${other} udp sport != 0 counter name punches;
  }
  chain input { type filter hook input priority 0; iifname wan ct state new drop; }
}
`;

/** The hosts and what runs on them. */
export class NatNet implements AsyncDisposable {
  readonly hosts: NetnsHosts;
  readonly #stack = new AsyncDisposableStack();

  private constructor(hosts: NetnsHosts) {
    this.hosts = hosts;
    this.#stack.use(hosts);
  }

  /** Makes it; which routers are symmetric can be said. */
  static async open(symmetric = [false, false]): Promise<NatNet> {
    const net = new NatNet(await NetnsHosts.open(5));
    const { hosts } = net;
    try {
      await hosts.run(
        RELAY,
        `ip link add net type bridge; ip link set net up
        ip addr add ${RELAY_ADDRESS}/24 dev net`,
      );
      for (const [n, host] of HIDDEN.entries()) {
        const router = host - 1;
        const lan = `192.168.${n + 1}`;
        await hosts.connect("lan", [router, `${lan}.1/24`], [
          host,
          `${INSIDE[n]}/24`,
        ]);
        await hosts.connect(`net${n}`, [RELAY, "0.0.0.0"], [
          router,
          `${OUTSIDE[n]}/24`,
        ]);
        await hosts.run(RELAY, `ip link set net${n} master net`);
        await hosts.run(
          router,
          `ip link set net${n} down; ip link set net${n} name wan
          ip link set wan up
          echo 1 > /proc/sys/net/ipv4/ip_forward
          nft -f - <<'END'\n${rules(symmetric[n]!, OUTSIDE[1 - n]!)}END`,
        );
        await hosts.run(host, `ip route add default via ${lan}.1`);
      }
      return net;
    } catch (error) {
      await net[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Datagrams that one hidden host has sent to the other's router. */
  async punches(n: number): Promise<number> {
    const said = await this.hosts.run(
      HIDDEN[n]! - 1,
      "nft list counter ip filter punches",
    );
    return Number(/packets (\d+)/.exec(said)![1]);
  }

  /** Starts `bip` on a host. */
  startBip(host: number, ...args: string[]): Child {
    return this.start(host, bipOnNetwork(args));
  }

  /** Starts libtorrent on a host, by uTP only. */
  startLibtorrent(host: number, ...args: string[]): Child {
    return this.start(host, libtorrentCommand(...args, "--utp"));
  }

  /** Starts a program on a host. */
  start(host: number, command: CommandLine): Child {
    return this.#stack.use(this.hosts.start(host, command, {
      NO_COLOR: "1",
      // The runtime itself would ask for its newest version.
      DENO_NO_UPDATE_CHECK: "1",
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
