"""Tools that answer at once: every kind of content, an error, a schema to be kept whole, a mirrored header."""

from __future__ import annotations

from typing import Any

from .shapes import Context, Handler, Json, Tool, blob, block, text, told

__all__ = ["AUDIO", "IMAGE", "TOOLS"]

IMAGE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="  # one pixel
AUDIO = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA="  # a WAV file of no length

# The dialect's keywords that clumsy copies of a schema drop.
_DIALECT: Json = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
_REGION: Json = {
    "type": "object",
    "properties": {"region": {"type": "string", "description": "shown in a header too", "x-mcp-header": "Region"}},
}


def _answers(*blocks: Json, failed: bool = False) -> Handler:
    async def answer(context: Context, arguments: dict[str, Any]) -> Json:
        return {"content": list(blocks), "isError": failed}

    return answer


async def _region(context: Context, arguments: dict[str, Any]) -> Json:
    return told(f"the region is {arguments.get('region', 'unknown')}")


_IMAGE = blob("image", IMAGE, "image/png")
TOOLS = (
    Tool("test_simple_text", "One text.", _answers(text("This is a simple text response for testing."))),
    Tool("test_image_content", "One image.", _answers(_IMAGE)),
    Tool("test_audio_content", "One sound.", _answers(blob("audio", AUDIO, "audio/wav"))),
    Tool(
        "test_embedded_resource",
        "A resource inside the result.",
        _answers(block("test://embedded-resource", "text/plain", "This is an embedded resource content.")),
    ),
    Tool(
        "test_multiple_content_types",
        "Text, image and resource at once.",
        _answers(
            text("Multiple content types test:"),
            _IMAGE,
            block("test://mixed-content-resource", "application/json", '{"test": "data", "value": 123}'),
        ),
    ),
    Tool(
        "test_error_handling",
        "Fails.",
        _answers(text("This tool intentionally returns an error for testing"), failed=True),
    ),
    Tool("json_schema_2020_12_tool", "Its schema must arrive whole.", _answers(text("fine")), _DIALECT),
    Tool("test_x_mcp_header", "Its argument is mirrored in a header.", _region, _REGION),
)
