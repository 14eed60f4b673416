"""What MCP servers say, in this library's words."""

from __future__ import annotations

import base64
import binascii
import json

from mcp import types

from autoflow.suites import ContentType, Tool
from autoflow.tools.model import ToolFailure, ToolOutput, ToolResult

_MOST_DESCRIPTION = 500
_MOST_IMAGES = 4
_MOST_IMAGE_BYTES = 2**20
_IMAGES = frozenset(f"image/{kind}" for kind in ("png", "jpeg", "webp", "bmp", "gif"))
"""As `Content` of the contract."""


def tool_of(tool: types.Tool) -> Tool:
    """A server's tool. One that changes nothing, or nothing when repeated, is idempotent."""
    hints = tool.annotations
    description = tool.description or tool.title or ""
    if len(description) > _MOST_DESCRIPTION:
        description = description[: _MOST_DESCRIPTION - 1] + "…"
    return Tool(
        name=tool.name,
        description=description,
        inputs=(ContentType.TEXT,),
        output=ContentType.TEXT,
        arguments_schema=json.dumps(tool.input_schema, ensure_ascii=False, separators=(",", ":")),
        idempotent=bool(hints and (hints.read_only_hint or hints.idempotent_hint)),
    )


def result_of(result: types.CallToolResult) -> ToolResult:
    """What came of a call: texts joined by line breaks, pictures, and the names of what is left out."""
    texts: list[str] = []
    images: list[bytes] = []
    for part in result.content:
        if isinstance(part, types.TextContent):
            texts.append(part.text)
        elif isinstance(part, types.ImageContent) and len(images) < _MOST_IMAGES and (made := _image(part)):
            images.append(made)
        else:
            texts.append(f"[left out: {_name(part)}]")
    if not result.content and result.structured_content is not None:
        texts.append(json.dumps(result.structured_content, ensure_ascii=False))
    text = "\n".join(texts)
    if result.is_error:
        return ToolFailure(text or "the tool failed and gave no reason")
    return ToolOutput(text, tuple(images))


def _image(part: types.ImageContent) -> bytes | None:
    if part.mime_type not in _IMAGES or len(part.data) > _MOST_IMAGE_BYTES * 4 // 3 + 4:
        return None
    try:
        data = base64.b64decode(part.data, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if 0 < len(data) <= _MOST_IMAGE_BYTES else None


def _name(part: types.ContentBlock) -> str:
    if isinstance(part, (types.ImageContent, types.AudioContent)):
        return f"{part.type}, {part.mime_type[:80]}, {len(part.data) * 3 // 4} bytes"
    if isinstance(part, types.ResourceLink):
        return f"a link to {str(part.uri)[:200]}"
    if isinstance(part, types.EmbeddedResource):
        return f"the resource {str(part.resource.uri)[:200]}"
    return "content of a kind that is not known here"
