/**
 * `bip edit`: changes a torrent file.
 *
 * @module
 */
import { formatEndpoint } from "../../_shared/address.ts";
import { equalBytes } from "../../_shared/bytes.ts";
import { editMetainfo, type MetainfoChanges } from "../../metainfo/edit.ts";
import type { Metainfo } from "../../metainfo/metainfo.ts";
import { parseMetainfo } from "../../metainfo/parse.ts";
import type { Arguments, Verb, VerbContext } from "../command.ts";
import { UsageError } from "../error.ts";
import { EXIT_DONE } from "../exit_code.ts";
import type { Output } from "../terminal.ts";
import { safeText } from "../text.ts";
import { checkOutput, replaceFile, writeOutput } from "../write_file.ts";
import { pathOf, readTorrentFile } from "./source.ts";
import { hexOrNull, torrentDocument } from "./torrent_document.ts";
import { readSources, SOURCE_OPTIONS } from "./torrent_options.ts";

/** What a `--remove-` option takes out of what is there. */
function removedBy(
  args: Arguments,
  kind: string,
  there: readonly string[],
): string[] {
  const removed = args.all(`remove-${kind}`);
  if (removed.includes("all")) return [...there];
  const stranger = removed.find((name) => !there.includes(name));
  if (stranger === undefined) return [...removed];
  throw new UsageError(
    `--remove-${kind}: the torrent has no ${
      kind.replace("-", " ")
    } ${stranger}`,
    "bip info lists them; all removes every one",
  );
}

/** What is there without what is removed, then what is added. */
function listOf(
  args: Arguments,
  kind: string,
  there: readonly string[],
  added: readonly string[],
): string[] | undefined {
  const removed = removedBy(args, kind, there);
  if (added.length === 0 && !args.all(`remove-${kind}`).length) {
    return undefined;
  }
  return [
    ...new Set([...there.filter((it) => !removed.includes(it)), ...added]),
  ];
}

function trackersOf(
  args: Arguments,
  added: readonly (readonly string[])[],
  old: readonly (readonly string[])[],
): string[][] | undefined {
  const removed = removedBy(args, "tracker", old.flat());
  if (added.length === 0 && !args.all("remove-tracker").length) {
    return undefined;
  }
  const seen = new Set(removed);
  const tiers = old.map((tier) => tier.filter((url) => !seen.has(url)));
  tiers.flat().forEach((url) => seen.add(url));
  for (const tier of added) {
    // What was removed may come back, in another tier.
    const isNew = (url: string) => !seen.has(url) || removed.includes(url);
    tiers.push(tier.filter(isNew));
    tier.forEach((url) => seen.add(url));
  }
  return tiers.filter((tier) => tier.length > 0);
}

/** An empty text takes the key away. */
function textOf(args: Arguments, name: string): string | null | undefined {
  const text = args.get(name);
  return text === "" ? null : text;
}

function changesOf(args: Arguments, metainfo: Metainfo): MetainfoChanges {
  const { trackers, webSeeds, nodes } = readSources(args);
  args.exclude(["private", "public"]);
  const nodeOf = new Map(
    [...metainfo.nodes, ...nodes].map((node) => [formatEndpoint(node), node]),
  );
  const changes: MetainfoChanges = {
    trackers: trackersOf(args, trackers, metainfo.trackers),
    webSeeds: listOf(args, "web-seed", metainfo.webSeeds, webSeeds),
    nodes: listOf(
      args,
      "node",
      metainfo.nodes.map(formatEndpoint),
      nodes.map(formatEndpoint),
    )?.map((node) => nodeOf.get(node)!),
    comment: textOf(args, "comment"),
    createdBy: textOf(args, "created-by"),
    creationDate: args.has("no-date") ? null : undefined,
    source: textOf(args, "source"),
    private: args.has("private") || (args.has("public") ? false : undefined),
    name: args.get("name"),
  };
  if (Object.values(changes).every((value) => value === undefined)) {
    throw new UsageError(
      "Nothing to change",
      "bip edit --help lists what can be changed",
    );
  }
  return changes;
}

function edit(bytes: Uint8Array, changes: MetainfoChanges) {
  try {
    return editMetainfo(bytes, changes);
  } catch (error) {
    if (error instanceof TypeError && changes.name !== undefined) {
      throw new UsageError(
        `--name must be a file name, not ${JSON.stringify(changes.name)}`,
      );
    }
    throw error;
  }
}

function hashesOf({ infoHashV1, infoHashV2 }: Metainfo) {
  return {
    infoHashV1: hexOrNull(infoHashV1),
    infoHashV2: hexOrNull(infoHashV2),
  };
}

function hashLines(before: Metainfo, after: Metainfo): string[] {
  const [old, now] = [hashesOf(before), hashesOf(after)];
  const lines: string[] = [];
  for (const version of ["V1", "V2"] as const) {
    const [was, is] = [old[`infoHash${version}`], now[`infoHash${version}`]];
    if (is === null) continue;
    const label = `Info-hash ${version.toLowerCase()}  `;
    lines.push(
      was === is ? `${label}${is} (kept)` : `${label}${is} (was ${was})`,
    );
  }
  return lines;
}

function report(
  output: Output,
  { path, json }: { readonly path: string; readonly json: boolean },
  before: Metainfo,
  after: Metainfo,
): void {
  const isKept = equalBytes(before.infoHash, after.infoHash);
  if (json) {
    output.printJson({
      output: path,
      previous: hashesOf(before),
      ...torrentDocument(after),
    }, 2);
  } else if (path !== "-") {
    output.print(`edited        ${safeText(path)}`);
    for (const line of hashLines(before, after)) output.print(line);
  } else if (!isKept) {
    for (const line of hashLines(before, after)) output.note(line);
  }
  if (!isKept) {
    output.note(
      "Note: the info-hash has changed: this is a new torrent, which shares no peers with the old one",
    );
  }
}

/** `bip edit FILE.torrent` */
export const editVerb: Verb = {
  name: "edit",
  summary: "Change trackers, comment, name and more of a torrent file",
  usage: "FILE.torrent [-o OUT.torrent] [OPTIONS]",
  details: [
    "Without -o the file itself is replaced, atomically: the new content is written to FILE.new first. Whatever is not changed keeps its exact bytes. Only --source, --private, --public and --name change the info-hash; the old one is then shown as well.",
    "FILE.torrent may also be a file:, http or https URL (which needs --allow-net and -o), or - for stdin, whose result goes to stdout.",
    "--tracker, --web-seed and --node add to what is there; with --remove-tracker all, they replace it. Each --tracker is a tier of its own; URLs in one option, separated by commas, share a tier.",
    "--json prints the output path and the previous info-hashes, then the same as bip info --json.",
  ],
  operands: [1, 1],
  operandNames: ["FILE.torrent"],
  permissions: "--allow-read=FILE,FILE.new,OUT --allow-write=FILE,FILE.new,OUT",
  options: [
    {
      name: "output",
      short: "o",
      value: "OUT.torrent",
      summary: "Where to write the result; - is stdout",
      complete: "file",
    },
    ...SOURCE_OPTIONS,
    {
      name: "remove-tracker",
      value: "URL",
      repeat: true,
      summary: "Remove this tracker; all removes every one",
    },
    {
      name: "remove-web-seed",
      value: "URL",
      repeat: true,
      summary: "Remove this web seed, or all",
    },
    {
      name: "remove-node",
      value: "HOST:PORT",
      repeat: true,
      summary: "Remove this DHT node, or all",
    },
    {
      name: "comment",
      value: "TEXT",
      summary: "Comment; an empty one removes it",
    },
    {
      name: "created-by",
      value: "TEXT",
      summary: "Program that made it; an empty one removes it",
    },
    { name: "no-date", summary: "Remove the creation date" },
    {
      name: "source",
      value: "TEXT",
      summary: "Source tag; an empty one removes it",
    },
    { name: "private", summary: "Private: peers come from trackers only" },
    { name: "public", summary: "Not private: peers may come from anywhere" },
    { name: "name", value: "NAME", summary: "Name of the file or top folder" },
    { name: "force", short: "f", summary: "Replace OUT.torrent" },
    { name: "json", summary: "Print one JSON document" },
  ],
  async run({ args, output, signal }: VerbContext): Promise<number> {
    const file = args.operands[0]!;
    const given = args.get("output");
    if (given === undefined && /^https?:/i.test(file)) {
      throw new UsageError(
        "Missing -o OUT.torrent",
        "What a URL leads to cannot be edited in place",
      );
    }
    const path = given ?? pathOf(file);
    const json = args.has("json");
    const force = args.has("force");
    if (path === "-" && json) {
      throw new UsageError("Cannot use --json with -o -: both want stdout");
    }
    const isOther = given !== undefined && given !== file;
    if (isOther && path !== "-") await checkOutput(path, force);
    const { bytes, metainfo } = await readTorrentFile(file, signal);
    const edited = edit(bytes, changesOf(args, metainfo));
    // Never write what we would not read.
    const after = parseMetainfo(edited, {
      windowsNames: Deno.build.os === "windows",
    });
    if (path === "-") output.printBytes(edited);
    else if (isOther) await writeOutput(path, edited, force);
    else if (!equalBytes(bytes, edited)) await replaceFile(path, edited);
    report(output, { path, json }, metainfo, after);
    return EXIT_DONE;
  },
};
