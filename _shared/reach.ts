/**
 * Where strangers may send us: hosts that URLs lead to, and ports.
 *
 * @module
 */
import { ipScope, tryParseIp } from "./address.ts";

/** Where a host is. */
export interface HostPlace {
  /** How near: 0 internet, 1 private network, 2 this link, 3 this machine. */
  readonly reach: number;
  /** Its address, where it is known. */
  readonly address: string | undefined;
  /** All that are known. */
  readonly addresses: readonly string[];
}

/** Tells the addresses of a name. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

/**
 * Whether a host is on this machine or a private network, as far as its text
 * tells; a name of the public DNS may still resolve to such an address; true
 * for everything but public addresses and public names.
 */
export function isLocalHost(hostname: string): boolean {
  const ip = tryParseIp(hostname);
  if (ip !== undefined) return ipScope(ip) !== "global";
  const name = hostname.toLowerCase().replace(/\.$/, "");
  return name === "localhost" || /\.(localhost|local|internal)$/.test(name);
}

function reachOf(hostname: string): number {
  const ip = tryParseIp(hostname);
  if (ip === undefined) {
    return /(^|\.)localhost\.?$/i.test(hostname)
      ? 3
      : isLocalHost(hostname)
      ? 1
      : 0;
  }
  switch (ipScope(ip)) {
    case "global":
      return 0;
    case "private":
    case "reserved":
      return 1;
    case "link-local":
    case "multicast":
      return 2;
    default:
      return 3;
  }
}

/**
 * Tells where a host is: by its text, or by what its name resolves to. Returns
 * the host; one whose name cannot be resolved counts as far away.
 */
export async function findHost(
  url: URL,
  resolve: Resolve,
): Promise<HostPlace> {
  const name = url.hostname.replace(/^\[|\]$/g, "");
  const isAddress = tryParseIp(name) !== undefined;
  if (isAddress || isLocalHost(name)) {
    return {
      reach: reachOf(name),
      address: isAddress ? name : undefined,
      addresses: isAddress ? [name] : [],
    };
  }
  try {
    const found = await resolve(name);
    const hosts = found.map((address) => ({ reach: reachOf(address), address }))
      .sort((a, b) => a.reach - b.reach);
    // A name with several is trusted as the farthest, and refused as the nearest.
    return {
      reach: hosts.at(-1)?.reach ?? 0,
      address: hosts[0]?.address,
      addresses: found,
    };
  } catch {
    // The connection will say what is wrong with the name.
    return { reach: 0, address: undefined, addresses: [] };
  }
}

/** Web servers' own ports: some peers hide behind them. */
const ALLOWED: ReadonlySet<number> = new Set([80, 443]);

/** Well-known services from port 1024 on. */
const SERVICES: ReadonlySet<number> = new Set([
  // Mail, directories, proxies, files, screens.
  1080, // SOCKS
  1900, // SSDP
  5353, // mDNS
  3702, // WS-Discovery
  5683, // CoAP
  2049, // NFS
  3128, // Squid
  3268, // directory
  3389, // RDP
  5060, // SIP
  5061,
  6667, // IRC
  9100, // printers
  5900, // VNC
  5901,
  5985, // WinRM
  5986,
  // Databases, queues, caches.
  1433, // SQL Server
  1434,
  1521, // Oracle
  1883, // MQTT
  2379, // etcd
  2380,
  3306, // MySQL
  5432, // PostgreSQL
  5672, // AMQP
  5984, // CouchDB
  6379, // Redis
  8086, // InfluxDB
  9042, // Cassandra
  9092, // Kafka
  9200, // Elasticsearch
  9300,
  11211, // memcached
  15672, // RabbitMQ
  27017, // MongoDB
  27018,
  27019,
  // Administration of machines.
  2082, // cPanel
  2083,
  2086,
  2087,
  2375, // Docker
  2376,
  5000, // DSM
  5001,
  6443, // Kubernetes
  8006, // Proxmox
  8080,
  8443,
  8500, // Consul
  9090, // Cockpit, Prometheus
  9443,
  10000, // Webmin
  10250, // kubelet
]);

/**
 * Whether a port belongs to a service that is not to be dialled on the word of
 * others; true for privileged ports but those, and for the usual mail, database
 * and administration ports.
 */
export function isServicePort(port: number, isFar = true): boolean {
  return port < 1024 ? !isFar || !ALLOWED.has(port) : SERVICES.has(port);
}
