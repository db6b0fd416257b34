/**
 * What settings mean for a session.
 *
 * @module
 */
import type { SessionOptions } from "../../client/types.ts";
import type { DaemonSettings, Limit } from "../settings.ts";

/** A limit as the client has it. */
export function rateOf({ enabled, value }: Limit): number {
  return enabled ? value : Infinity;
}

/** The speed limits that hold. */
export function speedLimits(
  { altSpeed, downloadLimit, uploadLimit }: DaemonSettings,
): { readonly download: number; readonly upload: number } {
  return altSpeed.enabled
    ? altSpeed
    : { download: rateOf(downloadLimit), upload: rateOf(uploadLimit) };
}

/**
 * Options of a session.
 *
 * @param settings What a person chose.
 * @param dhtState What the DHT node knew when the daemon ran last.
 * @returns Options.
 */
export function sessionOptions(
  settings: DaemonSettings,
  dhtState: Uint8Array | undefined,
): SessionOptions {
  const { download, upload } = speedLimits(settings);
  const {
    port,
    allocation,
    incompleteSuffix,
    maxPeers,
    maxPeersPerTorrent,
    pex,
    utp,
    encryption,
  } = settings;
  return {
    listen: { hostname: "0.0.0.0", port },
    dht: settings.dht
      ? { ...(dhtState === undefined ? {} : { state: dhtState }) }
      : false,
    lpd: settings.lpd ? {} : false,
    portMap: settings.portMap ? {} : false,
    downloadLimit: download,
    uploadLimit: upload,
    maxPeers,
    allocation,
    incompleteSuffix,
    maxPeersPerTorrent,
    pex,
    utp,
    encryption,
  };
}
