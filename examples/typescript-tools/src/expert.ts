/** What an expert is: a tool's name and types, and a function that does one sample. */

/** A text, or a picture as the bytes of its file. */
export type Content = string | Buffer;

export type Kind = "image" | "text";

export interface Expert {
  /** The tool's name, which plans use. */
  readonly name: string;
  /** What it does, for a person or a model. */
  readonly description: string;
  readonly inputs: readonly Kind[];
  readonly output: Kind;
  /**
   * Does one sample.
   *
   * @param inputs of the types above, in their order.
   * @throws Unusable if the sample cannot be done.
   */
  apply(inputs: readonly Content[]): Content;
}

/** A sample cannot be done, which is its own doing; the message is for whoever sent it. */
export class Unusable extends Error {}

export function kindOf(content: Content): Kind {
  return typeof content === "string" ? "text" : "image";
}
