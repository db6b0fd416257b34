/**
 * `/metrics` of a daemon.
 *
 * @module
 */
import { formatMetrics } from "../../_shared/metrics.ts";
import type { FrontRoute } from "../http/front.ts";
import { type DaemonFigures, daemonMetrics } from "./daemon_metrics.ts";

/**
 * Makes the route `/metrics`.
 *
 * @param read Reads the figures.
 * @returns The route.
 */
export function metricsRoute(read: () => DaemonFigures): FrontRoute {
  return {
    path: "/metrics",
    methods: ["GET"],
    handle: () => ({
      status: 200,
      contentType: "text/plain; version=0.0.4",
      body: formatMetrics(daemonMetrics(read())),
    }),
  };
}
