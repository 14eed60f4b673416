/**
 * ToolService: lists experts and applies them.
 *
 * What is wrong with a call is its error: NOT_FOUND (no such tool), INVALID_ARGUMENT (inputs that the tool does not
 * take, or beyond the contract's limits), RESOURCE_EXHAUSTED (too many calls). What is wrong with one sample is a
 * failure in the answer. A call that is given up, or whose deadline passes, ends after the sample that is being
 * worked on.
 *
 * All work is done in the one thread of the event loop, a sample at a time. Whoever adds a tool that takes seconds for
 * one should do it in a worker thread.
 */

import { setImmediate as otherWork } from "node:timers/promises";

import { Metadata, status } from "@grpc/grpc-js";
import type { sendUnaryData, ServerUnaryCall } from "@grpc/grpc-js";

import type { CallToolRequest__Output as CallToolRequest } from "../generated/autoflow/v1/CallToolRequest.js";
import type { CallToolResponse } from "../generated/autoflow/v1/CallToolResponse.js";
import type { Content__Output as ContentMessage } from "../generated/autoflow/v1/Content.js";
import type { Tool } from "../generated/autoflow/v1/Tool.js";
import type { ToolResult } from "../generated/autoflow/v1/ToolResult.js";
import type { ToolServiceHandlers } from "../generated/autoflow/v1/ToolService.js";
import { type Content, type Expert, type Kind, Unusable, kindOf } from "./expert.js";

const MAX_SAMPLES = 64;
const MAX_CHARACTERS = 100_000;
const MAX_BYTES = 1_048_576;
const RETRY_MS = 1000;

/** A call that is refused; the message is for the caller. */
class Refusal extends Error {
  readonly metadata = new Metadata();

  constructor(
    readonly code: status,
    readonly details: string,
  ) {
    super(details);
  }
}

type Call = ServerUnaryCall<CallToolRequest, CallToolResponse>;

/** Told of each call that has ended. */
export type Log = (entry: { tool: string; samples: number; code: string; ms: number }) => void;

/**
 * @param experts those that may be asked for.
 * @param maxCalls calls under way at most.
 */
export function toolService(experts: readonly Expert[], maxCalls: number, log: Log): ToolServiceHandlers {
  const known = new Map(experts.map((expert) => [expert.name, expert]));
  const tools = [...experts].sort((one, other) => (one.name < other.name ? -1 : 1)).map(described);
  const turns = new Turns();
  let underWay = 0;

  async function answer(call: Call): Promise<CallToolResponse> {
    const expert = known.get(call.request.tool);
    if (expert === undefined) {
      throw new Refusal(status.NOT_FOUND, `no tool is named ${JSON.stringify(call.request.tool)}`);
    }
    const samples = checked(expert, call.request);
    if (underWay >= maxCalls) {
      throw tooMany(underWay);
    }
    underWay++;
    try {
      return { results: await applied(expert, samples, call, turns) };
    } finally {
      underWay--;
    }
  }

  return {
    ListTools: (_, callback) => callback(null, { tools }),
    CallTool: (call, callback) => {
      const started = performance.now();
      const ended = (code: status): void => {
        const { tool, samples } = call.request;
        log({ tool, samples: samples.length, code: status[code], ms: Math.round(performance.now() - started) });
      };
      answer(call).then(
        (response) => {
          ended(status.OK);
          callback(null, response);
        },
        (error: unknown) => {
          const refusal = error instanceof Refusal ? error : unexpected(error);
          ended(refusal.code);
          (callback as sendUnaryData<CallToolResponse>)(refusal);
        },
      );
    },
  };
}

/** One sample after the other, of all calls; between two of them, other calls are heard. */
class Turns {
  private last: Promise<unknown> = Promise.resolve();

  take<T>(work: () => T): Promise<T> {
    const mine = this.last.then(() => otherWork()).then(work);
    this.last = mine.catch(() => undefined);
    return mine;
  }
}

async function applied(expert: Expert, samples: Content[][], call: Call, turns: Turns): Promise<ToolResult[]> {
  const results: ToolResult[] = [];
  for (const inputs of samples) {
    const made = await turns.take(() => (call.cancelled ? undefined : result(expert, inputs)));
    if (made === undefined) {
      throw new Refusal(status.CANCELLED, "the call was given up");
    }
    results.push(made);
  }
  return results;
}

function result(expert: Expert, inputs: Content[]): ToolResult {
  try {
    const made = expert.apply(inputs);
    return { output: typeof made === "string" ? { text: made } : { image: made } };
  } catch (error) {
    if (error instanceof Unusable) {
      return { failure: { message: error.message } };
    }
    throw error;
  }
}

/** The inputs of each sample, of the tool's types and within the contract's limits. */
function checked(expert: Expert, { samples }: CallToolRequest): Content[][] {
  if (samples.length < 1 || samples.length > MAX_SAMPLES) {
    throw invalid("samples", `1 to ${MAX_SAMPLES} are allowed, not ${samples.length}`);
  }
  return samples.map(({ inputs }, index) => {
    const field = `samples[${index}].inputs`;
    if (inputs.length !== expert.inputs.length) {
      throw invalid(field, `${expert.name} takes ${expert.inputs.join(" and ")}, not ${inputs.length} inputs`);
    }
    return inputs.map((input, at) => content(input, expert.inputs[at]!, `${field}[${at}]`));
  });
}

function content(message: ContentMessage, kind: Kind, field: string): Content {
  const given = message.text ?? message.image;
  if (given === undefined || kindOf(given) !== kind) {
    throw invalid(field, `the tool takes ${kind} here, not ${message.content ?? "nothing"}`);
  }
  if (typeof given === "string" ? [...given].length > MAX_CHARACTERS : !within(given)) {
    throw invalid(field, `a text has at most ${MAX_CHARACTERS} characters, a picture 1 to ${MAX_BYTES} bytes`);
  }
  return given;
}

function within(image: Buffer): boolean {
  return image.length > 0 && image.length <= MAX_BYTES;
}

function described({ name, description, inputs, output }: Expert): Tool {
  return { name, description, inputs: inputs.map(contentType), output: contentType(output) };
}

function contentType(kind: Kind): "CONTENT_TYPE_IMAGE" | "CONTENT_TYPE_TEXT" {
  return kind === "image" ? "CONTENT_TYPE_IMAGE" : "CONTENT_TYPE_TEXT";
}

function invalid(field: string, problem: string): Refusal {
  return new Refusal(status.INVALID_ARGUMENT, `${field}: ${problem}`);
}

function tooMany(underWay: number): Refusal {
  const refusal = new Refusal(status.RESOURCE_EXHAUSTED, `${underWay} calls are under way, which is the limit`);
  // Tells the caller's channel when to try again (gRFC A6).
  refusal.metadata.set("grpc-retry-pushback-ms", String(RETRY_MS));
  return refusal;
}

function unexpected(error: unknown): Refusal {
  // The caller is told nothing of it: it may quote a text.
  console.error(error);
  return new Refusal(status.INTERNAL, "internal error");
}
