/**
 * `torrent_get`: fields of torrents as objects or as a table.
 *
 * @module
 */
import type { RpcDialect, RpcParams } from "./envelope.ts";
import { RpcError } from "./error.ts";
import { legacyName, snakeName, toLegacy } from "./names.ts";
import { isRecentlyActive, type RecentlyActive } from "./recently_active.ts";
import { TORRENT_FIELDS } from "./torrent_fields.ts";
import type { TorrentView } from "./torrent_view.ts";

/** Most fields of one question. */
const MAX_FIELDS = 1_000;

interface Column {
  /** As the dialect has it. */
  readonly name: string;
  readonly read: (view: TorrentView) => unknown;
}

/** The fields that there are, each once. */
function columnsOf(
  fields: readonly string[],
  dialect: RpcDialect,
): Column[] {
  const isLegacy = dialect === "legacy";
  const columns: Column[] = [];
  const names = fields.slice(0, MAX_FIELDS);
  for (const field of new Set(isLegacy ? names.map(snakeName) : names)) {
    if (!Object.hasOwn(TORRENT_FIELDS, field)) continue;
    const tell = TORRENT_FIELDS[field]!;
    columns.push({
      name: isLegacy ? legacyName(field, "torrent_get") : field,
      read: !isLegacy
        ? tell
        // Older clients compare with 1.
        : field === "wanted"
        ? (view) => (tell(view) as boolean[]).map(Number)
        : (view) => {
          const value = tell(view);
          return typeof value === "object"
            ? toLegacy(value, "torrent_get")
            : value;
        },
    });
  }
  return columns;
}

/**
 * Answers.
 *
 * @param views The torrents.
 * @param params What was asked for.
 * @param dialect Whose names are used.
 * @param recent Knows which torrents are gone.
 * @returns The torrents.
 * @throws {RpcError} If no field was asked for.
 */
export function getTorrents(
  views: readonly TorrentView[],
  { fields = [], format, ids }: RpcParams,
  dialect: RpcDialect,
  recent: RecentlyActive,
): RpcParams {
  const columns = columnsOf(fields as readonly string[], dialect);
  if (columns.length === 0) throw new RpcError("params", "no fields specified");
  const torrents: unknown[] = format === "table"
    ? [
      columns.map(({ name }) => name),
      ...views.map((view) => columns.map(({ read }) => read(view))),
    ]
    : views.map((view) => {
      const torrent: Record<string, unknown> = {};
      for (const { name, read } of columns) torrent[name] = read(view);
      return torrent;
    });
  return isRecentlyActive(ids)
    ? { removed: recent.removed(), torrents }
    : { torrents };
}
