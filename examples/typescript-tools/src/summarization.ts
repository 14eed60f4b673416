/** Text Summarization: the first sentence, which says what a text is about, and the last, which says how it ended. */

import type { Expert } from "./expert.js";

const SENTENCE_END = /(?<=[.!?])\s+/u;

export function summarized(text: string): string {
  const sentences = text.trim().split(SENTENCE_END);
  return sentences.length < 3 ? text.trim() : `${sentences[0]} ${sentences.at(-1)}`;
}

export const summarization: Expert = {
  name: "Text Summarization",
  description: "summarizes an English text",
  inputs: ["text"],
  output: "text",
  apply: ([text]) => summarized(text as string),
};
