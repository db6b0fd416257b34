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
  outstanding: ["outstanding", "gauge", "Queries that wait for an answer."],
  searches: ["searches", "gauge", "Lookups that run."],
  received: ["received_total", "counter", "Datagrams received."],
  sent: ["sent_total", "counter", "Datagrams sent."],
  sendErrors: [
    "send_errors_total",
    "counter",
    "Datagrams that could not be sent.",
  ],
  answered: ["answered_total", "counter", "Queries of others answered."],
  responses: ["responses_total", "counter", "Answers to queries of ours."],
  malformed: ["malformed_total", "counter", "Datagrams that made no sense."],
  unasked: ["unasked_total", "counter", "Answers that fitted no query."],
  flood: [
    "flood_total",
    "counter",
    "Datagrams ignored because their sender sends too many.",
  ],
  unbudgeted: [
    "unbudgeted_total",
    "counter",
    "Answers not given because the budget was used up.",
  ],
  timeouts: ["timeouts_total", "counter", "Queries that were not answered."],
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
