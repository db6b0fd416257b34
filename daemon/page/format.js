/** How figures are written. */

const SIZES = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Bytes, as people read them. */
export function size(bytes) {
  let value = Math.max(0, bytes);
  let unit = 0;
  while (value >= 1024 && unit < SIZES.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(unit === 0 || value >= 100 ? 0 : 1)} ${SIZES[unit]}`;
}

/** Bytes a second; nothing for none. */
export function rate(bytes) {
  return bytes > 0 ? `${size(bytes)}/s` : "";
}

/** Seconds, in the two largest units. */
export function span(seconds) {
  if (!(seconds >= 0)) return "";
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const first = units.findIndex(([, length]) => seconds >= length);
  if (first < 0) return "0 s";
  const [name, length] = units[first];
  const whole = Math.floor(seconds / length);
  const next = units[first + 1];
  const rest = next && Math.floor((seconds % length) / next[1]);
  return rest ? `${whole} ${name} ${rest} ${next[0]}` : `${whole} ${name}`;
}

/** A share, as per cent. */
export function percent(part) {
  const value = 100 * Math.min(1, Math.max(0, part));
  return `${value === 100 || value === 0 ? value : value.toFixed(1)} %`;
}

/** A ratio as the protocol tells it: -1 and -2 are none. */
export function ratio(value) {
  return value < 0 ? "–" : value.toFixed(2);
}

/** A moment in seconds since 1970. */
export function moment(seconds) {
  return seconds > 0 ? new Date(seconds * 1000).toLocaleString() : "";
}

/** What a torrent is doing, by the numbers of the protocol. */
export function stateOf(torrent) {
  if (torrent.error > 0) return torrent.error_string || "Error";
  switch (torrent.status) {
    case 0:
      return torrent.percent_done >= 1 ? "Complete" : "Stopped";
    case 1:
      return "Waiting to verify";
    case 2:
      return `Verifying, ${percent(torrent.recheck_progress)}`;
    case 3:
      return "Queued";
    case 4:
      return torrent.metadata_percent_complete < 1
        ? "Fetching metadata"
        : "Downloading";
    case 5:
      return "Queued to seed";
    default:
      return "Seeding";
  }
}
