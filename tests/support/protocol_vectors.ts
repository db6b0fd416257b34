/** One entry of the shared protocol vectors. */
export interface Vector {
  readonly group: string;
  readonly name: string;
  readonly hex: string;
  readonly expected?: string;
  readonly [key: string]: unknown;
}

const file = new URL("../../../shared/data/vectors.json", import.meta.url);

/** The vectors of a group, or undefined when the shared data is not there. */
export async function readVectors(
  group: string,
): Promise<Vector[] | undefined> {
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch {
    return undefined;
  }
  const all = JSON.parse(text) as Vector[];
  return all.filter((vector) => vector.group === group);
}
