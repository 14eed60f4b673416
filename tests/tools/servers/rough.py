"""An MCP server that does not behave, by hand: `python rough.py WAY`. Nothing but the standard library."""

import json
import sys
import time

WAY = sys.argv[1]
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}


def tools() -> list[object]:
    if WAY == "many":
        return [{"name": f"tool-{n}", "inputSchema": SCHEMA} for n in range(10_000)]
    if WAY == "broken-schema":
        return [
            {"name": "good", "inputSchema": SCHEMA},
            {"name": "no-type", "inputSchema": {"type": "object", "properties": {"n": {"type": "nothing"}}}},
            {"name": "away", "inputSchema": {"type": "object", "$ref": "http://127.0.0.1:1/schema.json"}},
            {"name": "long", "inputSchema": {"type": "object", "description": "x" * 20_000}},
            {"name": "two, names", "inputSchema": SCHEMA},
            {"name": "verbose", "description": "x" * 1000, "inputSchema": SCHEMA},
            {"name": "good", "description": "a second one", "inputSchema": SCHEMA},
        ]
    return [{"name": "tool", "inputSchema": SCHEMA}]


def pages(params: dict[str, str]) -> dict[str, object]:
    if WAY != "endless-pages":
        return {"tools": tools()}
    at = int(params.get("cursor", "0"))
    return {"tools": [{"name": f"tool-{at}", "inputSchema": SCHEMA}], "nextCursor": str(at + 1)}


def called() -> object:
    if WAY == "hang":
        time.sleep(3600)
    if WAY == "endless-line":
        while True:
            sys.stdout.write("x" * 65536)
    if WAY == "garbage":
        while True:
            print("Traceback: no message", flush=True)
    if WAY == "no-content":
        return {"wrong": "shape"}
    return {"content": [{"type": "text", "text": "done"}]}


def answer(method: str, params: dict[str, str]) -> object:
    if method == "initialize":
        if WAY == "silent":
            time.sleep(3600)
        info = {"name": "rough", "version": "1"}
        return {"protocolVersion": "2025-06-18", "serverInfo": info, "capabilities": {"tools": {}}}
    if method == "tools/list":
        return pages(params)
    return called()


if WAY == "dead":
    sys.exit("rough: cannot start")
if WAY == "banner":
    print("Welcome to the server!", flush=True)
for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message:
        continue
    reply: dict[str, object] = {"jsonrpc": "2.0", "id": message["id"]}
    if message["method"] == "server/discover":
        reply["error"] = {"code": -32601, "message": "Method not found"}
    elif message["method"] == "tools/call" and WAY == "internal-error":
        reply["error"] = {"code": -32603, "message": "secret internals"}
    else:
        reply["result"] = answer(message["method"], message.get("params") or {})
    print(json.dumps(reply), flush=True)
if WAY == "stubborn":
    time.sleep(3600)
