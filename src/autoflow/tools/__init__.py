"""Tools that a step may call with arguments: one registry, its sources from a file (docs/tools.md).

`registry` holds the way of a call, `assembly` makes the sources of a file, `providers`, `mcp` and `built_in`
are the three kinds of them.
"""
