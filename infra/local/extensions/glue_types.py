"""Reading the notation of Glue's column types, such as `array<struct<purpose:string,at:date>>`."""


def kind_and_parts(glue_type: str) -> tuple[str, list[str]]:
    """What a type is (`array`, `decimal(18,2)`, `string`), and the types or fields in it."""
    kind, _, rest = glue_type.strip().partition("<")
    return kind.lower(), _split(rest[:-1]) if rest else []


def name_and_type(field: str) -> tuple[str, str]:
    """A field of a struct."""
    name, _, glue_type = field.partition(":")
    return name.strip().lower(), glue_type


def _split(inner: str) -> list[str]:
    """The parts between the commas of the outermost level."""
    parts, depth = [""], 0
    for character in inner:
        depth += (character in "<(") - (character in ">)")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts
