/** An object store of another project, on loopback. */
import {
  ObjectStorage,
  type ObjectStorageOptions,
} from "../../disk/object_storage.ts";
import { TempDir } from "../support/paths.ts";
import { Child } from "../support/process.ts";
import { freePort, TOOLS } from "./programs.ts";

/** Keys of the store; they open nothing else. */
export const KEYS = {
  accessKeyId: "AKIDINTEROP",
  secretAccessKey: "interop/secret+key",
} as const;

/** Serves one bucket, `bucket`, until it is disposed of. */
export class Versitygw implements AsyncDisposable {
  readonly #temp: TempDir;
  readonly #child: Child;
  readonly port: number = freePort();
  /** The bucket as a folder. */
  readonly folder: string;

  private constructor(temp: TempDir) {
    this.#temp = temp;
    this.folder = temp.join("root/bucket");
    Deno.mkdirSync(this.folder, { recursive: true });
    this.#child = new Child(`${TOOLS}/versitygw`, {
      args: [
        "--port",
        `127.0.0.1:${this.port}`,
        "--quiet",
        "--keep-alive",
        "posix",
        temp.join("root"),
      ],
      env: {
        ROOT_ACCESS_KEY: KEYS.accessKeyId,
        ROOT_SECRET_KEY: KEYS.secretAccessKey,
      },
    });
  }

  /** Starts one and waits until it answers. */
  static async start(temp: TempDir = new TempDir()): Promise<Versitygw> {
    const server = new Versitygw(temp);
    for (const end = Date.now() + 20_000;;) {
      try {
        (await Deno.connect({ hostname: "127.0.0.1", port: server.port }))
          .close();
        return server;
      } catch (error) {
        if (Date.now() < end) {
          await new Promise((resolve) => setTimeout(resolve, 20));
          continue;
        }
        await server[Symbol.asyncDispose]();
        throw error;
      }
    }
  }

  /** Where it is. */
  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** What the command reads of the environment. */
  get env(): Record<string, string> {
    return {
      AWS_ACCESS_KEY_ID: KEYS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey,
      AWS_ENDPOINT_URL: this.endpoint,
      AWS_REGION: "us-east-1",
    };
  }

  /** Its bucket. */
  storage(options: Partial<ObjectStorageOptions> = {}): ObjectStorage {
    return new ObjectStorage({
      bucket: "bucket",
      endpoint: this.endpoint,
      credentials: KEYS,
      ...options,
    });
  }

  /** Keys of all objects, sorted. */
  keys(): string[] {
    const keys: string[] = [];
    const walk = (below: string) => {
      for (
        const { name, isDirectory } of Deno.readDirSync(
          `${this.folder}/${below}`,
        )
      ) {
        if (below === "" && name.startsWith(".sgwtmp")) continue;
        if (isDirectory) walk(`${below}${name}/`);
        else keys.push(below + name);
      }
    };
    walk("");
    return keys.sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]();
    await this.#temp[Symbol.asyncDispose]();
  }
}
