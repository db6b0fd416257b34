/**
 * Fields that hold objects: files, peers, trackers, web seeds.
 *
 * @module
 */
import type { PeerInfo } from "../../client/mod.ts";
import { seconds, type TorrentView } from "./torrent_view.ts";

type Json = Record<string, unknown>;

/** The files. */
export function files({ client, metainfo }: TorrentView): Json[] {
  return client.files.map((file) => {
    const { first, end } = metainfo!.layout.filePieces(file.index);
    return {
      begin_piece: first,
      bytes_completed: file.doneBytes,
      end_piece: end,
      length: file.length,
      name: file.path.join("/"),
    };
  });
}

/** What may change of the files. */
export function fileStats({ client, wishes }: TorrentView): Json[] {
  return client.files.map(({ index, doneBytes }) => ({
    bytes_completed: doneBytes,
    ...wishes[index],
  }));
}

/** One letter for each thing that is so, as Transmission shows them. */
function flagsOf(peer: PeerInfo): string {
  const { amInterested, peerChoking, peerInterested, amChoking } = peer;
  const letters: [string, boolean][] = [
    ["T", peer.transport === "utp"],
    ["D", isDownloadingFrom(peer)],
    ["d", !isDownloadingFrom(peer) && amInterested && peerChoking],
    ["U", isUploadingTo(peer)],
    ["u", !isUploadingTo(peer) && peerInterested && amChoking],
    ["K", !peerChoking && !amInterested],
    ["?", !amChoking && !peerInterested],
    ["E", peer.encryption === "rc4"],
    ["H", peer.source === "dht"],
    ["X", peer.source === "pex"],
    ["I", peer.direction === "inbound"],
  ];
  return letters.map(([letter, is]) => is ? letter : "").join("");
}

const isDownloadingFrom = (peer: PeerInfo) =>
  peer.amInterested && !peer.peerChoking;
const isUploadingTo = (peer: PeerInfo) =>
  peer.peerInterested && !peer.amChoking;

/** The peers. */
export function peers(view: TorrentView): Json[] {
  return view.peers.map((peer) => ({
    address: peer.address.hostname,
    bytes_to_client: peer.downloadedBytes,
    bytes_to_peer: peer.uploadedBytes,
    client_is_choked: peer.peerChoking,
    client_is_interested: peer.amInterested,
    client_name: peer.client,
    flag_str: flagsOf(peer),
    is_downloading_from: isDownloadingFrom(peer),
    is_encrypted: peer.encryption === "rc4",
    is_incoming: peer.direction === "inbound",
    is_uploading_to: isUploadingTo(peer),
    is_utp: peer.transport === "utp",
    peer_id: Uint8Array.fromHex(peer.id).toBase64(),
    peer_is_choked: peer.amChoking,
    peer_is_interested: peer.peerInterested,
    port: peer.address.port,
    progress: peer.progress,
    rate_to_client: Math.round(peer.downloadRate),
    rate_to_peer: Math.round(peer.uploadRate),
  }));
}

/** How many peers are known from where. */
export function peersFrom(view: TorrentView): Json {
  const count = (...sources: string[]) =>
    view.peers.filter(({ source }) => sources.includes(source)).length;
  return {
    from_cache: count("resume"),
    from_dht: count("dht"),
    from_incoming: count("incoming"),
    from_lpd: count("lpd"),
    from_ltep: 0,
    from_pex: count("pex"),
    from_tracker: count("tracker", "magnet", "manual"),
  };
}

/** Where a tracker is scraped (BEP 48), if it can be. */
function scrapeOf(announce: string): string {
  if (/^udp:/i.test(announce)) return announce;
  const slash = announce.lastIndexOf("/");
  return announce.startsWith("announce", slash + 1)
    ? `${announce.slice(0, slash)}/scrape${announce.slice(slash + 9)}`
    : "";
}

/** A site without its top-level domain and what stands in front. */
function siteOf(announce: string): string {
  const host = URL.parse(announce)?.hostname ?? "";
  if (/^[\d.]+$|[:[]/.test(host)) return host;
  // Such as .co.uk or .com.au.
  const name = host.replace(/\.(ac|co|com|edu|gov|net|org)(\.[a-z]{2})$/, "$2");
  return name.split(".").at(-2) ?? host;
}

/** Host and port. */
function hostOf(announce: string): string {
  const { hostname = "", port, protocol } = URL.parse(announce) ?? {};
  return `${hostname}:${port || (protocol === "https:" ? 443 : 80)}`;
}

/** What is constant of a tracker. */
function trackerOf({ url, tier, id }: TorrentView["trackers"][number]): Json {
  return {
    announce: url,
    id,
    scrape: scrapeOf(url),
    sitename: siteOf(url),
    tier,
  };
}

/** The trackers. */
export function trackers(view: TorrentView): Json[] {
  return view.trackers.map(trackerOf);
}

/** What trackers are up to. */
export function trackerStats({ trackers, moment }: TorrentView): Json[] {
  const date = (at: number | undefined) =>
    at === undefined ? 0 : seconds(moment.now + at - moment.clock);
  return trackers.map((tracker) => {
    const { state, message, failures, failure, lastAt, askedAt } = tracker;
    const isGood = failures === 0 && lastAt !== undefined;
    const isAsked = isGood || failures > 0;
    // Transmission forgets the start of what failed.
    const isOver = state !== "announcing" && !isGood;
    const scrapes = {
      has_scraped: false,
      last_scrape_result: "",
      last_scrape_start_time: 0,
      last_scrape_succeeded: false,
      last_scrape_time: 0,
      last_scrape_timed_out: false,
      next_scrape_time: 0,
      scrape_state: 0,
    };
    return {
      ...trackerOf(tracker),
      // 0: not asked, 1: waits, 3: is being asked.
      announce_state: state === "announcing"
        ? 3
        : tracker.nextAt === undefined
        ? 0
        : 1,
      download_count: tracker.downloads ?? -1,
      downloader_count: -1,
      has_announced: isAsked,
      host: hostOf(tracker.url),
      is_backup: tracker.isBackup,
      last_announce_peer_count: tracker.peers ?? 0,
      last_announce_result: isGood ? message ?? "Success" : message ?? "",
      last_announce_start_time: isOver ? 0 : date(askedAt),
      last_announce_succeeded: isGood,
      last_announce_time: date(isGood ? lastAt : isAsked ? askedAt : undefined),
      last_announce_timed_out: failure === "timeout",
      leecher_count: tracker.leechers ?? -1,
      next_announce_time: date(tracker.nextAt),
      seeder_count: tracker.seeders ?? -1,
      ...scrapes,
    };
  });
}

/** The web seeds. */
export function webSeeds({ client, metainfo }: TorrentView): Json[] {
  const active = client.webSeeds();
  const urls = (metainfo ?? client.magnet)?.webSeeds ?? [];
  return urls.map((url) => {
    const origin = URL.parse(url)?.origin;
    const status = active.find(({ name }) => name === origin);
    return {
      download_bytes_per_second: Math.round(status?.downloadRate ?? 0),
      is_downloading: (status?.active ?? 0) > 0,
      url,
    };
  });
}
