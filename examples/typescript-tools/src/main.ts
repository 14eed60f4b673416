/**
 * Serves the tools: `node dist/src/main.js [HOST:PORT]`, by default 127.0.0.1:50061; port 0 takes a free one. The
 * environment variable MAX_CALLS, 16, bounds the calls under way.
 *
 * The first line of standard output is the address. SIGTERM and SIGINT end it in order: the health service says
 * NOT_SERVING, calls under way have ten seconds, and no new ones are taken. A second signal ends it at once.
 */

import { fileURLToPath } from "node:url";

import { loadPackageDefinition, Server, ServerCredentials } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { HealthImplementation } from "grpc-health-check";

import type { ProtoGrpcType } from "../generated/tool_service.js";
import { denoising } from "./denoising.js";
import { type Log, toolService } from "./service.js";
import { summarization } from "./summarization.js";

const EXPERTS = [summarization, denoising];
const MAX_CALLS = Number(process.env["MAX_CALLS"] ?? 16);
/** Above four pictures of the largest size, which a sample may have; gRPC itself reads 4 MiB. */
const MAX_MESSAGE_BYTES = 8 * 2 ** 20;
const GRACE_MS = 10_000;
const SERVICE = "autoflow.v1.ToolService";
const PROTOS = fileURLToPath(new URL("../../../../protos", import.meta.url));

const log: Log = (entry) => console.error(JSON.stringify(entry));

const definition = loadSync("autoflow/v1/tool_service.proto", {
  includeDirs: [PROTOS],
  keepCase: true,
  enums: String,
  defaults: true,
  oneofs: true,
});
const { autoflow } = loadPackageDefinition(definition) as unknown as ProtoGrpcType;

const server = new Server({ "grpc.max_receive_message_length": MAX_MESSAGE_BYTES });
server.addService(autoflow.v1.ToolService.service, toolService(EXPERTS, MAX_CALLS, log));
const health = new HealthImplementation({ "": "SERVING", [SERVICE]: "SERVING" });
health.addToServer(server);

const address = process.argv[2] ?? "127.0.0.1:50061";
server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) {
    console.error(error.message);
    process.exit(1);
  }
  console.log(`${address.slice(0, address.lastIndexOf(":"))}:${port}`);
});

function stop(): void {
  health.setStatus("", "NOT_SERVING");
  health.setStatus(SERVICE, "NOT_SERVING");
  server.tryShutdown(() => process.exit(0));
  setTimeout(() => server.forceShutdown(), GRACE_MS).unref();
}

process.once("SIGTERM", stop);
process.once("SIGINT", stop);
