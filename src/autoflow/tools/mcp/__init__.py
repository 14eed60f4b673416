"""MCP servers as sources of tools, by the official SDK. Needs the extra `mcp`."""
