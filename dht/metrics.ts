/**
 * Figures of a DHT node for Prometheus.
 *
 * @module
 */
import {
  figureFamilies,
  type Figures,
  type FigureText,
  type MetricFamily,
} from "../_shared/metrics.ts";

const FIGURES: Readonly<Record<string, FigureText>> = {
  goodNodes: [
    "good_nodes",
    "gauge",
    "Nodes in the routing tables that answered lately.",
  ],
  nodes: ["nodes", "gauge", "All nodes in the routing tables."],
  infoHashes: ["info_hashes", "gauge", "Info-hashes announced here."],
  peers: ["peers", "gauge", "Peers announced here."],
  items: ["items", "gauge", "Items stored here (BEP 44)."],
  outstanding: ["outstanding", "gauge", "Queries waiting for a response."],
  searches: ["searches", "gauge", "Lookups in progress."],
  received: "Datagrams received.",
  sent: "Datagrams sent.",
  sendErrors: "Datagrams that could not be sent.",
  answered: "Incoming queries answered.",
  responses: "Responses to our queries.",
  malformed: "Malformed datagrams.",
  unasked: "Responses that match no query.",
  flood: "Datagrams ignored because their sender exceeded its rate.",
  unbudgeted: "Queries not answered because the response budget was used up.",
  timeouts: "Our queries that timed out.",
};

/**
 * Makes families of what a node counts, their names beginning with `bip_dht`.
 *
 * @param stats What `MainlineDht.stats()` returns.
 * @returns One family a figure.
 */
export function dhtMetrics(stats: object): MetricFamily[] {
  return figureFamilies(stats as Figures, FIGURES, "bip_dht");
}
