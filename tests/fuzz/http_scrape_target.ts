import { encodeText, toByteString } from "../../_shared/bytes.ts";
import {
  decodeHttpScrapeResponse,
  encodeHttpFailure,
  encodeHttpScrapeResponse,
  formatScrapeUrl,
  parseScrapeQuery,
  TrackerError,
  TrackerQueryError,
} from "../../htracker/mod.ts";
import type { FuzzTarget } from "./fuzz_target.ts";

const HASHES = [new Uint8Array(20).fill(0xab), new Uint8Array(20)];

/** Scrapes over HTTP: answers as the client reads them, queries as the tracker does. */
export const fuzzTarget: FuzzTarget = {
  name: "http_scrape",
  seeds: () => [
    encodeHttpScrapeResponse(
      HASHES.map((
        hash,
      ) => [hash, { seeders: 1, leechers: 2, downloads: 3 }]),
      900,
    ),
    encodeHttpFailure("no", 5),
    encodeText(
      new URL(formatScrapeUrl("http://t.example/announce", HASHES)!).search,
    ),
  ],
  run(input) {
    try {
      for (const [key, entry] of decodeHttpScrapeResponse(input)) {
        if (
          key.length !== 40 || entry.seeders < 0 || entry.leechers < 0 ||
          entry.downloads < 0
        ) throw new Error("Broken promise: figures");
      }
    } catch (error) {
      if (!(error instanceof TrackerError)) throw error;
    }
    try {
      const hashes = parseScrapeQuery(toByteString(input));
      if (hashes.length < 1 || hashes.length > 100) {
        throw new Error("Broken promise: number of hashes");
      }
    } catch (error) {
      if (!(error instanceof TrackerQueryError)) throw error;
    }
  },
};
