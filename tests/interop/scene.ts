/** A payload and its torrent, as the interop tests need them. */
import { assertEquals } from "@std/assert";
import { runBip } from "../support/bip.ts";
import { TempDir } from "../support/paths.ts";
import {
  comparePayload,
  ODD_FILES,
  type PayloadFiles,
  writePayload,
} from "../support/payload.ts";

/** Which kind of torrent a scene has. */
export type TorrentVersion = "v1" | "v2" | "hybrid";

/** Options of {@linkcode Scene.create}. */
export interface SceneOptions {
  readonly version?: TorrentVersion;
  /** Files below the payload folder; one single file when it is a number. */
  readonly files?: PayloadFiles | number;
  readonly trackers?: readonly string[];
  readonly pieceLength?: string;
  readonly private?: boolean;
}

/** A folder with the data, a torrent made by `bip create`, and empty folders. */
export class Scene implements AsyncDisposable {
  readonly temp = new TempDir();
  /** The torrent file. */
  readonly torrent: string = this.temp.join("scene.torrent");
  /** The folder that holds the payload, for seeders. */
  readonly seedDir: string = this.temp.join("seed");
  readonly name: string;
  readonly files: PayloadFiles;
  #folders = 0;

  private constructor(options: SceneOptions) {
    const files = options.files ?? ODD_FILES;
    this.name = typeof files === "number" ? "ünï cøde.bin" : "påyload";
    this.files = typeof files === "number"
      ? { [this.name]: files }
      : Object.fromEntries(
        Object.entries(files).map(([path, n]) => [`${this.name}/${path}`, n]),
      );
  }

  static async create(options: SceneOptions = {}): Promise<Scene> {
    const scene = new Scene(options);
    await Deno.mkdir(scene.seedDir);
    await writePayload(scene.seedDir, scene.files);
    const result = await runBip([
      "create",
      `${scene.seedDir}/${scene.name}`,
      "-o",
      scene.torrent,
      "--version",
      options.version ?? "v1",
      "--piece-length",
      options.pieceLength ?? "32KiB",
      ...(options.trackers ?? []).flatMap((url) => ["--tracker", url]),
      ...(options.private ? ["--private"] : []),
    ]);
    assertEquals(result.code, 0, result.stderr);
    return scene;
  }

  /** A fresh empty folder. */
  folder(): string {
    const path = this.temp.join(`dir${this.#folders++}`);
    Deno.mkdirSync(path);
    return path;
  }

  /** Checks that the payload below a folder is complete and equal. */
  async compare(dir: string): Promise<void> {
    await comparePayload(dir, this.files);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.temp[Symbol.asyncDispose]();
  }
}

/** Options that keep a run off every network but the named peers. */
export const LOCAL = [
  "--listen",
  "127.0.0.1",
  "--port",
  "0",
  "--no-dht",
  "--no-lpd",
  "--no-pex",
  "--json",
] as const;
