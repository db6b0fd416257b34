// Programs outside of the checkout import it from here.
export * from "../../testing/mod.ts";
