/**
 * `bip scrape`: asks trackers how many peers a torrent has.
 *
 * @module
 */
import type { ScrapeEntry } from "../../_shared/announce.ts";
import type { Verb, VerbContext } from "../command.ts";
import { styled } from "../terminal.ts";
import { plural, safeText } from "../text.ts";
import {
  askTrackers,
  codeOf,
  readQuestion,
  shownReason,
  TRACKER_OPTIONS,
} from "./tracker_query.ts";

const UNKNOWN: ScrapeEntry = { seeders: 0, leechers: 0, downloads: 0 };

/** `bip scrape SOURCE` */
export const scrapeVerb: Verb = {
  name: "scrape",
  summary: "Ask trackers how many peers a torrent has",
  usage: "SOURCE [--tracker URL] [--json]",
  details: [
    "SOURCE is a torrent file, a magnet link or an info-hash. Its trackers are asked, the first 100 of them; exit code 5 if none answers.",
    "--json prints {infoHash, seeders, leechers, downloads, trackers: [{tracker, seeders, leechers, downloads} or {tracker, error}]}, where the top-level numbers are the largest.",
  ],
  operands: [1, 1],
  operandNames: ["SOURCE"],
  permissions: "--allow-net --allow-read=FILE",
  options: TRACKER_OPTIONS,
  async run({ args, output, signal }: VerbContext): Promise<number> {
    const question = await readQuestion(args, signal);
    const answers = await askTrackers(question, signal, async (client, url) => {
      const found = await client.scrape(url, [question.infoHash], { signal });
      return found.get(question.infoHashHex) ?? UNKNOWN;
    });
    if (args.has("json")) {
      const most = (name: keyof ScrapeEntry) =>
        answers.reduce<number | null>(
          (most, { answer }) =>
            answer === undefined ? most : Math.max(most ?? 0, answer[name]),
          null,
        );
      output.printJson({
        infoHash: question.infoHashHex,
        seeders: most("seeders"),
        leechers: most("leechers"),
        downloads: most("downloads"),
        trackers: answers.map(({ tracker, answer, error }) =>
          answer === undefined ? { tracker, error } : { tracker, ...answer }
        ),
      }, 2);
      return codeOf(answers);
    }
    for (const { name, answer, error } of answers) {
      const label = styled(output, "bold", safeText(name));
      if (answer === undefined) {
        output.note(`${label}: ${shownReason(name, error.message)}`);
      } else {
        output.print(
          [
            `${safeText(name)}: ${plural(answer.seeders, "seed")}`,
            plural(answer.leechers, "leecher"),
            plural(answer.downloads, "download"),
          ].join(", "),
        );
      }
    }
    return codeOf(answers);
  },
};
