/** One entry of the shared protocol vectors. */
export interface Vector {
  readonly group: string;
  readonly name: string;
  readonly hex: string;
  readonly expected?: string;
  readonly [key: string]: unknown;
}

function load(): Vector[] | undefined {
  const file = new URL("../../../shared/data/vectors.json", import.meta.url);
  try {
    return JSON.parse(Deno.readTextFileSync(file));
  } catch {
    return undefined;
  }
}

const all = load();

/** Registers one test over the vectors of a group, or reports it as skipped. */
export function vectorTest(
  group: string,
  check: (vector: Vector) => void | Promise<void>,
): void {
  const vectors = all?.filter((vector) => vector.group === group);
  Deno.test({
    name: vectors === undefined
      ? `vectors: ${group} (skipped: ../shared/data is not there)`
      : `vectors: ${group} (${vectors.length})`,
    ignore: vectors === undefined,
    permissions: "none",
    async fn() {
      if (vectors!.length === 0) throw new Error(`No vectors of ${group}`);
      for (const vector of vectors!) {
        try {
          await check(vector);
        } catch (error) {
          throw new Error(`Vector ${vector.name}`, { cause: error });
        }
      }
    },
  });
}
