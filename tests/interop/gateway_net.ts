/**
 * A network at home: two hosts, the router with miniupnpd, and a host of the
 * internet.
 */
import { bipArguments } from "../support/bip_command.ts";
import { NetnsHosts } from "../support/netns_hosts.ts";
import { TempDir } from "../support/paths.ts";
import type { Child } from "../support/process.ts";

export const WORLD = 0;
export const ROUTER = 1;
/** The hosts at home. */
export const HOME = [2, 3] as const;

/** The address of the internet's host. */
export const FAR = "5.0.0.1";
/** The router's addresses. */
export const OUTSIDE = "5.0.0.2";
export const GATEWAY = "192.168.7.1";

/** What miniupnpd puts its rules into; nobody else comes in. */
const RULES = `table inet filter {
  chain forward { type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname lan accept
    jump miniupnpd
  }
  chain miniupnpd { }
  chain prerouting { type nat hook prerouting priority -100; jump prerouting_miniupnpd; }
  chain postrouting { type nat hook postrouting priority 100; oifname wan masquerade; }
  chain prerouting_miniupnpd { }
  chain postrouting_miniupnpd { }
}
`;

/** The hosts and what runs on them. */
export class GatewayNet implements AsyncDisposable {
  readonly hosts: NetnsHosts;
  readonly #stack = new AsyncDisposableStack();
  readonly #temp = new TempDir();

  private constructor(hosts: NetnsHosts) {
    this.hosts = hosts;
    this.#stack.use(this.#temp);
    this.#stack.use(hosts);
  }

  /** Makes the hosts, and a router that speaks these. */
  static async open(
    speaks: { readonly upnp: boolean; readonly pcp: boolean },
  ): Promise<GatewayNet> {
    const net = new GatewayNet(await NetnsHosts.open(4));
    try {
      await net.#connect();
      await net.#startRouter(speaks);
      return net;
    } catch (error) {
      await net[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #connect(): Promise<void> {
    const { hosts } = this;
    await hosts.connect("wan", [WORLD, `${FAR}/24`], [
      ROUTER,
      `${OUTSIDE}/24`,
    ]);
    await hosts.run(
      ROUTER,
      `ip link add lan type bridge; ip link set lan up
      ip addr add ${GATEWAY}/24 dev lan
      echo 1 > /proc/sys/net/ipv4/ip_forward`,
    );
    for (const [n, host] of HOME.entries()) {
      await hosts.connect(`lan${n}`, [ROUTER, "0.0.0.0"], [
        host,
        `192.168.7.${n + 2}/24`,
      ]);
      await hosts.run(ROUTER, `ip link set lan${n} master lan`);
      await hosts.run(host, `ip route add default via ${GATEWAY}`);
    }
  }

  async #startRouter(
    { upnp, pcp }: { readonly upnp: boolean; readonly pcp: boolean },
  ): Promise<void> {
    const yes = (on: boolean) => on ? "yes" : "no";
    const rules = this.#temp.join("rules");
    await Deno.writeTextFile(rules, RULES);
    await this.hosts.run(ROUTER, `nft -f ${rules}`);
    const config = this.#temp.join("miniupnpd.conf");
    await Deno.writeTextFile(
      config,
      `ext_ifname=wan
listening_ip=lan
enable_natpmp=${yes(pcp)}
enable_upnp=${yes(upnp)}
secure_mode=yes
uuid=5d08ce3c-7b44-481c-a4f1-d4926e79ea16
upnp_table_name=filter
upnp_nat_table_name=filter
upnp_forward_chain=miniupnpd
upnp_nat_chain=prerouting_miniupnpd
upnp_nat_postrouting_chain=postrouting_miniupnpd
allow 1024-65535 192.168.7.0/24 1024-65535
deny 0-65535 0.0.0.0/0 0-65535
`,
    );
    this.#stack.use(this.hosts.start(ROUTER, {
      command: "miniupnpd",
      args: ["-d", "-f", config, "-P", this.#temp.join("pid")],
    }, { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" }));
  }

  /** Ports that the router leads to its hosts: `tcp 7000 192.168.7.2:7000`. */
  async led(): Promise<string[]> {
    const text = await this.hosts.run(
      ROUTER,
      "nft list chain inet filter prerouting_miniupnpd",
    );
    // Protocols are told by the number in the IP header.
    const rule = /@nh,72,8 (0x6|0x11) th dport (\d+) dnat ip to ([\d.]+:\d+)/g;
    return [...text.matchAll(rule)].map(([, protocol, port, to]) =>
      `${protocol === "0x6" ? "tcp" : "udp"} ${port} ${to}`
    ).sort();
  }

  /** Starts `bip` with all permissions: it finds the gateway by itself. */
  startBip(
    host: number,
    args: readonly string[],
    permissions: readonly string[] = ["--allow-all"],
  ): Child {
    return this.#stack.use(this.hosts.start(host, {
      command: Deno.execPath(),
      args: bipArguments(args, { flags: ["--unstable-net"], permissions }),
    }, {
      NO_COLOR: "1",
      // The runtime itself would ask for its newest version.
      DENO_NO_UPDATE_CHECK: "1",
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
